"""train.toml: how a submission was trained, and how `mbc train` trains it again."""

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

Sampling = Literal["octave", "uniform", "error-field"]
Precision = Literal["float32", "bfloat16"]
Storage = Literal["float32", "float16"]

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


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message says which field and what it may be."""


@dataclass(frozen=True)
class Recipe:
    """A recipe. Training ends with the steps or the seconds, whichever comes first.

    Attributes:
        steps, seconds: how long; 0 where only the other counts. The schedule follows the steps if given.
        batch: points a step.
        learning_rate: at the start; it falls to a hundredth along a cosine.
        epsilon: of Adam. Tables whose entries are rarely touched want a tiny one.
        sampling: "uniform" over the base window; "octave": as views are drawn, every octave alike; or
            "error-field": where an average of |error| over a grid is large.
        samples: a fixed random sample of so many points instead of an endless stream ("uniform" alone).
        deepest: the deepest octave of "octave".
        weigh: divide squared errors by the variance of the view, as the score does ("octave" alone).
        reuse: how often a drawn point is used.
        precision: of the matrix products while training. bfloat16 pays on cards that have it.
        store: dtype of floating weights in the file. float16 halves it.
        seed: of initial weights and points.
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

    def changed(
        self,
        *,
        steps: int | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        samples: int | None = None,
        sampling: Sampling | None = None,
        precision: Precision | None = None,
    ) -> "Recipe":
        """The recipe with what the command line asked for: only the given one of steps and seconds counts.

        Raises:
            RecipeError: a fixed sample is asked for, and to draw it otherwise than uniformly.
        """
        recipe = self
        if steps is not None or seconds is not None:
            recipe = replace(recipe, steps=steps or 0, seconds=seconds or 0.0)
        if samples is not None:
            recipe = replace(recipe, samples=samples, sampling="uniform")
        asked = {"seed": seed, "sampling": sampling, "precision": precision}
        recipe = replace(recipe, **{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]  # each is of its field's type
        recipe.check()
        return recipe

    def check(self) -> None:
        """RecipeError where fields contradict each other."""
        if not self.steps and not self.seconds:
            raise RecipeError("train.toml: it needs steps, seconds or both.")
        if self.samples and self.sampling != "uniform":
            raise RecipeError(
                f'A fixed sample of {self.samples:,} points is drawn with sampling = "uniform", '
                f"not {self.sampling!r}."
            )


def read_recipe(directory: Path) -> Recipe:
    """The recipe in a directory's train.toml; without the file, a minute with the defaults.

    Raises:
        RecipeError: it is not TOML, or a field is unknown or out of bounds.
    """
    path = directory / "train.toml"
    if not path.exists():
        return Recipe(seconds=60.0)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"train.toml is not TOML in UTF-8: {error}.") from error
    types = {field.name: field.type for field in fields(Recipe)}
    checked = {}
    for name, value in values.items():
        if name not in types:
            raise RecipeError(f"train.toml: {name!r} is unknown; known are {', '.join(types)}.")
        checked[name] = _checked(name, value, types[name])
    recipe = Recipe(**checked)
    recipe.check()
    return recipe


def _checked(name: str, value: Any, kind: Any) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise RecipeError(f"train.toml: {name} must be true or false, not {value!r}.")
        return value
    if kind in {int, float}:
        allowed = int if kind is int else (int, float)
        low, high = LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
            raise RecipeError(f"train.toml: {name} must lie in {low:g} .. {high:g}, not {value!r}.")
        return kind(value)
    choices = get_args(kind)
    if value not in choices:
        raise RecipeError(f"train.toml: {name} must be one of {', '.join(choices)}, not {value!r}.")
    return value
