"""The frame: the base window, unit coordinates, octaves and views (docs/spec.md, section 2)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CENTRE: Final = (-0.75, 0.0)
HALF_WIDTH: Final = 2.0
OCTAVES: Final = 32


def to_unit(points: Array) -> Array:
    """Plane points (n, 2) to unit coordinates (n, 2); the base window becomes [-1, 1]^2."""
    unit: Array = (points - np.array(CENTRE)) / HALF_WIDTH
    return unit


def to_plane(unit: Array) -> Array:
    """Unit coordinates (n, 2) to plane points (n, 2)."""
    points: Array = unit * HALF_WIDTH + np.array(CENTRE)
    return points


def view_width(octave: float) -> float:
    """Width in the plane of a view at an octave: 4 * 2^-octave."""
    return float(2 * HALF_WIDTH * 2.0**-octave)


@dataclass(frozen=True)
class View:
    """A square of the plane at one octave, given by its centre (real, imaginary)."""

    centre: tuple[float, float]
    octave: float

    @property
    def width(self) -> float:
        """Width and height in the plane."""
        return view_width(self.octave)

    def grid(self, pixels: int) -> Array:
        """Centres of pixels x pixels squares, row by row from the top left: (pixels^2, 2) plane points."""
        steps = (np.arange(pixels) + 0.5) / pixels - 0.5
        real, imaginary = np.meshgrid(
            self.centre[0] + self.width * steps, self.centre[1] - self.width * steps
        )
        return np.stack([real.ravel(), imaginary.ravel()], axis=1)


BASE: Final = View(CENTRE, 0)
