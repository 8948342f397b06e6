"""Score, pack and submit a torch.nn.Module that lives in this process: what `mbc` does, for notebooks."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import nn

from challenge.bundle.live_source import model_source
from challenge.bundle.packer import pack as pack_directory
from challenge.commands.client import Account, Client, SubmissionStatus
from challenge.imaging.pictures import triptych
from challenge.mandelbrot.coordinates import to_unit
from challenge.mandelbrot.target import target
from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.evaluation_set import FULL, EvaluationSize
from challenge.scoring.metrics import Scores, measure
from challenge.scoring.places import find_place
from challenge.scoring.practice import practice_set
from challenge.training.local_model import load_model, predict, save_weights

POLL_SECONDS: Final = 2.0
Build = Callable[[int, int], nn.Module]


def score(model: nn.Module, *, chains: int = FULL.chains) -> Scores:
    """Octaves of a module on the practice season, as `mbc score --quick` measures them.

    Args:
        model: takes (n, 2) unit coordinates, returns (n, 1). It keeps its device and its training mode.
        chains: of the evaluation set; fewer are quicker, and the interval is wider.

    Raises:
        EvaluationError: its output has another shape.
    """
    views = practice_set(EvaluationSize(chains, FULL.octaves, FULL.points))
    with _evaluating(model):
        prediction = predict(model, to_unit(views.points.reshape(-1, 2)))
    return measure(views.truth, prediction.reshape(views.truth.shape))


def picture(
    model: nn.Module, place: str = "seahorse-valley", octave: float = 4, pixels: int = 256
) -> Image.Image:
    """Truth, model and error side by side in a square view of width 4 / 2^octave.

    Args:
        model: as for `score`.
        place: a name that `mbc render --place` knows.
        octave: of the view, 0 to 31.
        pixels: of each side.

    Raises:
        KeyError: there is no such place.
        EvaluationError: the output of the model has another shape.
    """
    points = find_place(place).view(octave).grid(pixels)
    with _evaluating(model):
        prediction = predict(model, to_unit(points))
    return triptych(target(points), prediction)


def pack(
    model: nn.Module,
    path: str | Path,
    *,
    name: str,
    author: str,
    description: str,
    build: Build | None = None,
    fit: Callable[..., None] | None = None,
    **fields: str,
) -> Path:
    """Write the bundle of a module: its source becomes model.py, its state dict the weights.

    Args:
        model: trained on the Mandelbrot target.
        path: of the zip file.
        name: of submission.toml.
        author: of submission.toml.
        description: of submission.toml.
        **fields: others of submission.toml, such as license or method.
        build: makes it from the numbers of inputs and outputs. Not needed where the class itself does.
        fit: optional function fit(model, x, y, budget), as in a bundle.

    Returns:
        The path of the zip file.

    Raises:
        EvaluationError: what cannot be carried, or what of the packed model differs from this one.
        OSError: the archive cannot be written.
    """
    path = Path(path)
    if build is None and type(model).__module__.partition(".")[0] == "torch":
        raise EvaluationError(
            Reason.BUILD_MISSING,
            f"{type(model).__name__} is torch's class. Pass build=f, where f(inputs, outputs) makes it.",
        )
    roots: list[tuple[str, Any]] = [] if build is None else [("build", build)]
    roots += [] if fit is None else [("fit", fit)]
    source = model_source(*roots, build_with=type(model) if build is None else None)
    with tempfile.TemporaryDirectory(prefix="mbc-pack-") as place:
        folder = Path(place)
        values = {"name": name, "author": author, "description": description, **fields}
        # A JSON string is a TOML string.
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
        (folder / "submission.toml").write_text("api = 1\n" + "".join(lines), encoding="utf-8")
        (folder / "model.py").write_text(source, encoding="utf-8")
        state = {key: value.detach().cpu() for key, value in model.state_dict().items()}
        save_weights(state, folder / "weights.safetensors")
        _compare(model, folder)
        pack_directory(folder, path)
    return path


def submit(
    bundle: str | Path, *, server: str | None = None, track: str = "both", wait: bool = False
) -> SubmissionStatus:
    """Submit a bundle that `pack` wrote.

    Args:
        bundle: path of the zip file.
        server: address of the leaderboard; else $MBC_SERVER or what `mbc login` stored. The token likewise.
        track: "open", "samples" or "both".
        wait: return when it has its verdict on the (first) track.

    Raises:
        ServerError: the server refused it, or cannot be reached.
    """
    with Client(Account.find(server)) as client:
        current = client.submit(Path(bundle), track)
        current = (current.on(track) if track != "both" else None) or current
        while wait and not current.final:
            time.sleep(POLL_SECONDS)
            current = client.submission(current.id).on(current.track) or current
    return current


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _compare(model: nn.Module, folder: Path) -> None:
    """See that the model that was written answers as the one in memory."""
    again = load_model(folder)
    x = np.random.default_rng(0).uniform(-1, 1, (256, 2))
    with _evaluating(model), torch.inference_mode():
        apart = float(np.abs(predict(model, x) - predict(again, x)).max())
    # The one in memory may lie on a GPU, whose sums are rounded otherwise.
    if not apart < 1e-3:
        raise EvaluationError(
            Reason.WEIGHTS_DO_NOT_FIT,
            f"The packed model answers otherwise than the one in memory: by up to {apart:.3g}. "
            "Something that it needs is neither a parameter nor a buffer.",
        )
