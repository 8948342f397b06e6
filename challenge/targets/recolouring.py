"""Random monotone recolourings of [0, 1]: other numbers for the same shape, and no structure lost.

A recolouring is the integral of a positive, continuous, piecewise linear slope: it is smooth, and its slopes
have bounds. So a view keeps its structure, and an error of the target grows by the largest slope at most.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KNOTS: Final = 9
# The escape counts are exact to 8e-10 of the squash: times this, that is the contract's 1e-9.
STEEPEST: Final = 1.25
FLATTEST: Final = 0.4


@dataclass(frozen=True)
class Recolouring:
    """A monotone map of [0, 1] onto itself; `slopes` are its derivatives at even knots."""

    slopes: tuple[float, ...]

    def __call__(self, values: Array) -> Array:
        """(n,) values in [0, 1] to (n,) in [0, 1]."""
        slopes = np.array(self.slopes)
        cells = len(slopes) - 1
        heights = np.concatenate([[0.0], np.cumsum((slopes[1:] + slopes[:-1]) / (2 * cells))])
        place = values * cells
        cell = np.minimum(place.astype(np.intp), cells - 1)
        along = (place - cell) / cells
        bend = (slopes[cell + 1] - slopes[cell]) * (cells / 2)
        # The end of the sum of the heights is 1 but for rounding.
        result: Array = np.minimum((heights[cell] + along * (slopes[cell] + along * bend)) / heights[-1], 1.0)
        return result


def draw_recolouring(generator: np.random.Generator) -> Recolouring:
    """A random one with slopes in [FLATTEST, STEEPEST], and a mean slope of 1."""
    raw = np.exp(generator.uniform(np.log(0.2), 0.0, KNOTS))
    mean = float((raw[1:] + raw[:-1]).mean() / 2)
    away = raw / mean - 1
    # As strong as the bounds allow.
    room = min((STEEPEST - 1) / float(away.max()), (1 - FLATTEST) / float(-away.min()))
    return Recolouring(tuple((1 + away * room).tolist()))
