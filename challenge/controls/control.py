"""One control: what is learned, what is held out, and how the answer is scored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from challenge.scoring.metrics import errors

Array = NDArray[np.float64]

CLASSIFICATION: Final = "classification"
REGRESSION: Final = "regression"
DIFFICULTIES: Final = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Control:
    """A data set for one build.

    Attributes:
        name: what was drawn, and how difficult: for people.
        family: its key in `challenge.controls.FAMILIES`.
        task: "classification" has one-hot targets.
        x: (n, in_features) in [-1, 1]; y: (n, out_features) in [0, 1]; both go to the submission.
        held_x: inputs of the held-out half; held_y never leaves the judge.
        line_may_pass: real data on which a line is good; else a line has to stay below the bar.
        shown_as: what people are shown of a fit, see `challenge.controls.fit_visuals`.
        labels: names of the classes.
    """

    name: str
    family: str
    task: Literal["regression", "classification"]
    x: Array
    y: Array
    held_x: Array
    held_y: Array
    line_may_pass: bool = False
    shown_as: Literal["curve", "picture", "surface", "classes", "pairs"] = "pairs"
    labels: tuple[str, ...] = ()

    @property
    def in_features(self) -> int:
        """Dimension of the inputs."""
        return int(self.x.shape[1])

    @property
    def out_features(self) -> int:
        """Dimension of the targets; classes count one each."""
        return int(self.y.shape[1])

    def skill(self, prediction: Array) -> float:
        """Skill on the held-out half: (n, out_features) predictions to a number of at most 1.

        Regression: 1 - SSE/SST, pooled over outputs. Classification: accuracy rescaled so that chance is 0.
        An answer that is not finite counts as wrong by 1, or as no class.
        """
        if self.task == CLASSIFICATION:
            chosen, answered = classes(prediction)
            right = (chosen == self.held_y.argmax(axis=1)) & answered
            chance = 1 / self.out_features
            return float((right.mean() - chance) / (1 - chance))
        wrong = errors(self.held_y, prediction)
        return float(1 - (wrong**2).sum() / ((self.held_y - self.held_y.mean(axis=0)) ** 2).sum())


Family = Callable[[np.random.Generator], Control]


def classes(prediction: Array) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Each row's class (n,), the one with its largest finite value, and whether it has a finite value."""
    finite = np.isfinite(prediction)
    return np.where(finite, prediction, -np.inf).argmax(axis=1), np.asarray(finite.any(axis=1))


def draw_difficulty(generator: np.random.Generator) -> tuple[int, str]:
    """A difficulty, as a number from 0 and by name."""
    number = int(generator.integers(len(DIFFICULTIES)))
    return number, DIFFICULTIES[number]


def split(generator: np.random.Generator, x: Array, y: Array, held: int) -> tuple[Array, Array, Array, Array]:
    """Shuffle and part (x, y): the rest to learn from, `held` points held out."""
    order = generator.permutation(len(x))
    known, hidden = order[held:], order[:held]
    return x[known], y[known], x[hidden], y[hidden]


def to_unit_interval(values: Array) -> Array:
    """Scale all columns by one factor and shift each, so that the widest fills [0, 1]."""
    low = values.min(axis=0)
    span = float((values.max(axis=0) - low).max())
    scaled: Array = (values - low) / span
    return scaled


def line_share(x: Array, y: Array) -> float:
    """The share of the variance of y (n, out) that an affine map of x (n, in) explains: r^2, in [0, 1]."""
    return float(1 - without_line(x, y).var(axis=0).sum() / y.var(axis=0).sum())


def without_line(x: Array, y: Array) -> Array:
    """What the best affine map of x (n, in), by least squares, leaves of y (n, out)."""
    with_one = np.hstack([x, np.ones((len(x), 1))])
    rest: Array = y - with_one @ np.linalg.lstsq(with_one, y, rcond=None)[0]
    return rest


def line_skill(control: Control) -> float:
    """Skill of the best affine map, by least squares: what a control must be harder than."""
    known = np.hstack([control.x, np.ones((len(control.x), 1))])
    hidden = np.hstack([control.held_x, np.ones((len(control.held_x), 1))])
    coefficients = np.linalg.lstsq(known, control.y, rcond=None)[0]
    return control.skill(hidden @ coefficients)
