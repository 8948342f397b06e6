"""Bundles of networks that were trained in the browser, made from the reference submission `play`."""

import io
import json
import math
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from challenge.bundle.weights import check_weights
from challenge.results.verdicts import EvaluationError
from leaderboard.errors import Refused

TEMPLATE: Final = Path(__file__).parents[2] / "submissions" / "play" / "model.py"
# Far above the largest network that the page offers, which has 12.4 million bytes.
WEIGHTS_LIMIT: Final = 16 << 20
# What `features.js` names the inputs of the first layer after; see `Settings.feature_count`.
MOST_ORDERS: Final = {"none": 1, "taylor": 16, "fourier": 64, "random": 128}

Width = Annotated[int, Field(ge=1, le=256)]


class Settings(BaseModel):
    """The choices of the page: names and bounds are those of static/play/settings.js."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    features: Literal["none", "taylor", "fourier", "random"]
    orders: int = Field(ge=1, le=128)
    hidden: list[Width] = Field(max_length=4)
    activation: Literal["gelu", "relu", "tanh", "silu", "sine"]

    @property
    def feature_count(self) -> int:
        """Features of a point with two inputs."""
        return {
            "none": 2,
            "taylor": math.comb(2 + self.orders, 2) - 1,
            "fourier": 2 * (1 + 2 * self.orders),
            "random": 2 + 2 * self.orders,
        }[self.features]

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Names and shapes of the state dict of `build(2, 1)`."""
        shapes: dict[str, list[int]] = {}
        if self.features == "random":
            shapes["0.frequencies"] = [self.orders, 2]
        widths = [self.feature_count, *self.hidden, 1]
        for layer, (inputs, outputs) in enumerate(pairwise(widths)):
            shapes[f"{2 * layer + 1}.weight"] = [outputs, inputs]
            shapes[f"{2 * layer + 1}.bias"] = [outputs]
        return shapes


def parse_settings(text: str) -> Settings:
    """The settings in a form's JSON; Refused with 422, naming the field."""
    try:
        settings = Settings.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise Refused(
            422, "play_settings", f"{where}: {first['msg']}.", "Reload the page, and submit again."
        ) from error
    if settings.orders > MOST_ORDERS[settings.features]:
        raise Refused(
            422,
            "play_settings",
            f"orders: {settings.features} features have at most {MOST_ORDERS[settings.features]}, "
            f"not {settings.orders}.",
        )
    return settings


def check_network(settings: Settings, weights: bytes) -> None:
    """Refused with 422 unless `weights` is a safetensors file of finite tensors as the settings need."""

    def wrong(what: str) -> Refused:
        return Refused(422, "play_weights", f"The weights do not belong to the chosen network: {what}")

    try:
        check_weights(weights)
    except EvaluationError as error:
        raise wrong(error.sentence) from error
    length = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + length])
    header.pop("__metadata__", None)
    if header.keys() != settings.shapes.keys():
        raise wrong("the names of the tensors differ.")
    for name, shape in settings.shapes.items():
        if (header[name]["dtype"], header[name]["shape"]) != ("F32", shape):
            raise wrong(f"{name} has to be F32 of shape {shape}.")
    if not np.isfinite(np.frombuffer(weights, np.float32, offset=8 + length)).all():
        raise wrong("a weight is not a finite number.")


def make_bundle(settings: Settings, weights: bytes, *, name: str, author: str) -> bytes:
    """A bundle as `mbc pack` makes one: zip bytes.

    The code is the template's; only settings.py is written here, from values that were checked.

    Raises:
        Refused: 422, where the weights do not fit the settings.
    """
    check_network(settings, weights)
    toml = (
        "api = 1\n"
        f"name = {_toml(name)}\n"
        f"author = {_toml(author)}\n"
        f"description = {_toml(_describe(settings))}\n"
        'license = "MIT"\n'
        'method = "trained in the browser"\n'
    )
    chosen = (
        '"""What was chosen on the page."""\n\n'
        f'FEATURES = "{settings.features}"\nORDERS = {settings.orders}\n'
        f"HIDDEN = ({''.join(f'{width}, ' for width in settings.hidden)})\n"
        f'ACTIVATION = "{settings.activation}"\n'
    )
    files = {
        "submission.toml": toml.encode(),
        "model.py": TEMPLATE.read_bytes(),
        "settings.py": chosen.encode(),
        "weights.safetensors": weights,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            # A fixed date: the same network gives the same bytes.
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def _toml(text: str) -> str:
    # TOML reads JSON's strings, but for pairs of surrogates and a bare DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _describe(settings: Settings) -> str:
    features = {
        "none": "No features",
        "taylor": f"Taylor features of degree {settings.orders}",
        "fourier": f"{settings.orders} Fourier orders per axis",
        "random": f"{settings.orders} random Fourier features",
    }[settings.features]
    layers = " x ".join(map(str, settings.hidden)) or "none"
    return f"Trained in the browser. {features}; hidden layers: {layers}; activation: {settings.activation}."
