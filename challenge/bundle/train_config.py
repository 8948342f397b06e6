"""train.toml: how a submission was trained, and how `mbc train` trains it again."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Final, Literal, Self, get_args, get_type_hints

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from challenge.util.exit_codes import TrainConfigError
from challenge.util.validation import STRICT

Sampling = Literal["octave", "uniform", "error-field"]
Precision = Literal["float32", "bfloat16"]
Storage = Literal["float32", "float16"]
Trainer = Literal["mbc", "train.py"]

LIMITS: Final[dict[str, tuple[float, float]]] = {
    "steps": (1, 10**9),
    "seconds": (0.1, 10**7),
    "batch": (1, 2**24),
    "learning_rate": (1e-9, 10.0),
    "epsilon": (0.0, 1.0),
    "deepest": (0, 31),
    "reuse": (1, 1000),
    "samples": (1, 10**9),
    "seed": (0, 2**32 - 1),
}


# Fields whose 0 means "not given".
_OPTIONAL: Final = ("steps", "seconds", "samples")

# Points that a train.py of the author's own gets, where `samples` is not given, and at most.
OWN_SAMPLES: Final = 1 << 20
OWN_SAMPLES_LIMIT: Final = 1 << 22


@dataclass(config=STRICT, frozen=True)
class TrainConfig:
    """Settings of a training, which ends after its steps or its seconds, whichever comes first.

    Attributes:
        steps, seconds: how long; 0 where only the other counts. The schedule follows the steps if given.
        batch: points a step.
        learning_rate: at the start; it falls to a hundredth along a cosine.
        epsilon: of Adam. Tables whose entries are rarely touched want a tiny one.
        sampling: "uniform" over the base window; "octave": as views are drawn, every octave alike; or
            "error-field": where an average of |error| over a grid is large.
        samples: a fixed random sample of so many points instead of an endless stream ("uniform" alone, or
            with a train.py).
        deepest: the deepest octave of "octave".
        weigh: divide squared errors by the variance of the view, as the score does ("octave" alone).
        reuse: how often a drawn point is used.
        precision: of the matrix products while training. bfloat16 pays on cards that have it.
        store: dtype of floating weights in the file. float16 halves it.
        seed: of initial weights and points.
        trainer: "mbc", or "train.py": the function `train(model, x, t, budget)` of the author's own, which
            gets a fixed sample and the seconds.
    """

    steps: int = 0
    seconds: float = 0.0
    batch: int = 4096
    learning_rate: float = 2e-3
    epsilon: float = 1e-8
    sampling: Sampling = "octave"
    deepest: int = 8
    weigh: bool = True
    reuse: int = 4
    samples: int = 0
    precision: Precision = "float32"
    store: Storage = "float32"
    seed: int = 0
    trainer: Trainer = "mbc"

    @field_validator(*LIMITS)
    @classmethod
    def _within_limits(cls, value: float, info: ValidationInfo) -> float:
        assert info.field_name is not None
        low, high = LIMITS[info.field_name]
        if not (low <= value <= high or (value == 0 and info.field_name in _OPTIONAL)):
            raise ValueError(f"must lie in {low:g} .. {high:g}")
        return value

    def changed(
        self,
        *,
        steps: int | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        samples: int | None = None,
        sampling: Sampling | None = None,
        precision: Precision | None = None,
    ) -> Self:
        """The settings with the options of the command line; of steps and seconds, one given replaces both.

        Raises:
            TrainConfigError: a value is out of bounds, or a fixed sample is not drawn uniformly.
        """
        changes: dict[str, object] = {"seed": seed, "sampling": sampling, "precision": precision}
        if steps is not None or seconds is not None:
            changes |= {"steps": steps or 0, "seconds": seconds or 0.0}
        if samples is not None:
            changes |= {"samples": samples, "sampling": sampling or "uniform"}
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            config = replace(self, **given)  # type: ignore[arg-type]  # pydantic checks the types
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise TrainConfigError(_allowed(name, given[name])) from error
        config.check()
        return config

    def check(self) -> None:
        """Raise TrainConfigError where fields contradict each other."""
        if not self.steps and not self.seconds:
            raise TrainConfigError("train.toml: it needs steps, seconds or both.")
        if self.trainer == "train.py":
            self._check_own()
        elif self.samples and self.sampling != "uniform":
            raise TrainConfigError(
                f'A fixed sample of {self.samples:,} points is drawn with sampling = "uniform", '
                f"not {self.sampling!r}."
            )

    def _check_own(self) -> None:
        if not self.seconds:
            raise TrainConfigError('train.toml: trainer = "train.py" needs seconds, which bind it.')
        if self.sampling == "error-field":
            raise TrainConfigError(
                'train.toml: trainer = "train.py" gets a fixed sample: "uniform" or "octave".'
            )
        if self.samples > OWN_SAMPLES_LIMIT:
            raise TrainConfigError(
                f'train.toml: trainer = "train.py" gets {OWN_SAMPLES_LIMIT:,} samples at most, '
                f"not {self.samples:,}."
            )


def read_train_config(directory: Path) -> TrainConfig:
    """The settings in a directory's train.toml; without the file, a minute with the defaults.

    Raises:
        TrainConfigError: it is not TOML, or a field is unknown or out of bounds; the message names the field.
    """
    path = directory / "train.toml"
    if not path.exists():
        return TrainConfig(seconds=60.0)
    try:
        return parse_train_config(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise TrainConfigError(f"train.toml is not TOML in UTF-8: {error}.") from error


def parse_train_config(text: str) -> TrainConfig:
    """The settings of a train.toml; TrainConfigError as above."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TrainConfigError(f"train.toml is not TOML in UTF-8: {error}.") from error
    try:
        config = TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise TrainConfigError(f"train.toml: {_allowed(name, values[name])}") from error
    config.check()
    return config


def _allowed(name: str, value: object) -> str:
    """What a field of train.toml may hold."""
    types = get_type_hints(TrainConfig)
    if name not in types:
        return f"{name!r} is unknown; known are {', '.join(field.name for field in fields(TrainConfig))}."
    if types[name] is bool:
        return f"{name} must be true or false, not {value!r}."
    if name in LIMITS:
        low, high = LIMITS[name]
        return f"{name} must lie in {low:g} .. {high:g}, not {value!r}."
    return f"{name} must be one of {', '.join(get_args(types[name]))}, not {value!r}."
