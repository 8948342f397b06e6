"""Tiles of the truth below what float64 addresses: the same grid and format, from octave 41 to 300.

Their points are differences from a reference orbit (`challenge.mandelbrot.deep_zoom`). Sixteen tiles share
one, that of the centre of the tile two octaves above them: of a long orbit, it is what takes the time.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.imaging.tiles import DEEPEST as DEEPEST_FLOAT64
from challenge.imaging.tiles import MAX_ITERATIONS, SIDE, check_position
from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH
from challenge.mandelbrot.target import squash

Array = NDArray[np.float64]

DEEPEST: Final = 300
# Steps after which a point counts as inside. The most take seconds and some hundred MiB a reference.
LIMITS: Final = (MAX_ITERATIONS, 10 * MAX_ITERATIONS, 100 * MAX_ITERATIONS)
_SHARED: Final = 2
_ORBITS: Final = 2


@dataclass(frozen=True, order=True)
class DeepTile:
    """One square of an octave, of the truth.

    Attributes:
        octave: 41 .. 300.
        x, y: column from the left and row from the top, each in 0 .. 2^octave - 1.
        limit: one of `LIMITS`.
    """

    octave: int
    x: int
    y: int
    limit: int = MAX_ITERATIONS

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: names the number that is out of range.
        """
        # Those down to `DEEPEST_FLOAT64` are `challenge.imaging.tiles.Tile`.
        if not DEEPEST_FLOAT64 < self.octave <= DEEPEST:
            raise ValueError(f"octave must lie in 0 .. {DEEPEST}, not {self.octave}")
        check_position(self.octave, self.x, self.y)
        if self.limit not in LIMITS:
            raise ValueError(f"limit must be one of {', '.join(map(str, LIMITS))}, not {self.limit}")

    def differences(self) -> NDArray[np.complex128]:
        """Pixels' centres minus the centre of the tile `_SHARED` octaves above: (SIDE, SIDE), exact."""
        inside, half = (1 << _SHARED) - 1, 1 << (_SHARED - 1)
        pixel = (np.arange(SIDE) + 0.5) / SIDE - half
        width = 2 * HALF_WIDTH * 2.0**-self.octave
        real = width * ((self.x & inside) + pixel)
        imaginary = -width * ((self.y & inside) + pixel)
        return real[None, :] + 1j * imaginary[:, None]


@lru_cache(maxsize=_ORBITS)
def _orbit(octave: int, x: int, y: int, limit: int) -> NDArray[np.complex128]:
    """The orbit of a tile's centre, precise enough for the tiles `_SHARED` octaves below it."""
    from challenge.mandelbrot.deep_zoom import reference  # noqa: PLC0415 - a web page that draws none needs no FLINT

    width = Fraction(2 * HALF_WIDTH) / (1 << octave)
    re = Fraction(CENTRE[0] - HALF_WIDTH) + width * (2 * x + 1) / 2
    im = Fraction(CENTRE[1] + HALF_WIDTH) - width * (2 * y + 1) / 2
    return reference((re, im), octave + _SHARED, limit)


def truth_values(tile: DeepTile) -> Array:
    """The target at a tile's pixels (SIDE^2,), with the tile's limit; right to about 1e-6 in the count."""
    from challenge.mandelbrot.deep_zoom import counts  # noqa: PLC0415 - Numba takes half a second to import

    orbit = _orbit(tile.octave - _SHARED, tile.x >> _SHARED, tile.y >> _SHARED, tile.limit)
    return squash(counts(orbit, tile.differences(), tile.limit)).ravel()
