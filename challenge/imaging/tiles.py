"""Tiles of the base window: their coordinates and their binary format.

Octave k cuts the base window into 2^k x 2^k tiles, with x from the left and y from the top as in web maps.
Down to octave 44 every pixel's centre is an exact float64 number.

Format: a header, then 16-bit codes, each as the difference from its left neighbour, all high bytes before all
low bytes, compressed with zlib. Codes cover the tile's own range, so that deep tiles, where the target hardly
varies, keep their structure. Two codes are reserved: `INSIDE` for points that never escape, `NOT_FINITE` for
NaN and infinity.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH

Array = NDArray[np.float64]

SIDE: Final = 256
DEEPEST: Final = 40
# Points that take longer count as inside: the error is below 0.0025, and tiles take seconds, not minutes.
MAX_ITERATIONS: Final = 20_000

INSIDE: Final = 65_535
NOT_FINITE: Final = 65_534
STEPS: Final = 65_533
MAGIC: Final = b"MBT1"
HEADER: Final = struct.Struct("<4s4xdd")
# Slightly more than the raw values, because noise does not compress.
MOST_BYTES: Final = HEADER.size + 2 * SIDE * SIDE + 1024
# The best level saves a tenth of the size and takes five times as long.
_EFFORT: Final = 3


def check_position(octave: int, x: int, y: int) -> None:
    """Check that an octave has a tile in column x and row y.

    Raises:
        ValueError: names the number that is out of range.
    """
    last = str((1 << octave) - 1) if octave <= DEEPEST else f"2^{octave} - 1"
    for name, value in (("x", x), ("y", y)):
        if not 0 <= value < 1 << octave:
            raise ValueError(f"at octave {octave}, {name} must lie in 0 .. {last}, not {value}")


@dataclass(frozen=True, order=True)
class Tile:
    """One square of an octave.

    Attributes:
        octave: 0 .. 40.
        x, y: column from the left and row from the top, each in 0 .. 2^octave - 1.
    """

    octave: int
    x: int
    y: int

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: names the number that is out of range.
        """
        if not 0 <= self.octave <= DEEPEST:
            raise ValueError(f"octave must lie in 0 .. {DEEPEST}, not {self.octave}")
        check_position(self.octave, self.x, self.y)

    def points(self) -> Array:
        """Plane points at the pixels' centres, row by row from the top left: (SIDE^2, 2)."""
        pixel = (np.arange(SIDE) + 0.5) / SIDE
        width = 2 * HALF_WIDTH * 2.0**-self.octave
        real, imaginary = np.meshgrid(
            CENTRE[0] - HALF_WIDTH + width * (self.x + pixel),
            CENTRE[1] + HALF_WIDTH - width * (self.y + pixel),
        )
        return np.stack([real.ravel(), imaginary.ravel()], axis=1)


def truth_values(tile: Tile) -> Array:
    """The target at a tile's pixels (SIDE^2,), with `MAX_ITERATIONS`."""
    from challenge.mandelbrot.target import target  # noqa: PLC0415 - Numba takes half a second to import

    return target(tile.points(), max_iterations=MAX_ITERATIONS)


def encode(values: Array, *, inside_at: float = np.inf) -> bytes:
    """Encode the values of a tile.

    Args:
        values: (SIDE^2,). Finite ones are stored with an error of at most 1/131,066 of their range.
        inside_at: values from this on are stored as `INSIDE` and do not count for the range.
    """
    finite = np.isfinite(values)
    inside = finite & (values >= inside_at)
    outside = values[finite & ~inside]
    low, high = (float(outside.min()), float(outside.max())) if outside.size else (0.0, 0.0)
    codes = np.full(SIDE * SIDE, NOT_FINITE, dtype=np.uint16)
    # Halved first, because the difference of two finite numbers can overflow.
    span = high / 2 - low / 2
    share = (outside / 2 - low / 2) / span if span > 0 else np.zeros_like(outside)
    codes[finite & ~inside] = np.rint(STEPS * share)
    codes[inside] = INSIDE
    rows = codes.reshape(SIDE, SIDE)
    steps = np.diff(rows, axis=1, prepend=np.uint16(0))
    planes = np.concatenate([(steps >> 8).astype(np.uint8).ravel(), (steps & 255).astype(np.uint8).ravel()])
    return HEADER.pack(MAGIC, low, high) + zlib.compress(planes.tobytes(), _EFFORT)


def decode(content: bytes) -> Array:
    """Decode a tile: (SIDE^2,) values, 1 for `INSIDE` and NaN for `NOT_FINITE`.

    Raises:
        ValueError: the bytes are not a valid tile.
    """
    if not HEADER.size < len(content) <= MOST_BYTES:
        raise ValueError(f"a tile has {HEADER.size + 1} to {MOST_BYTES} bytes, not {len(content)}")
    magic, low, high = HEADER.unpack_from(content)
    if magic != MAGIC or not np.isfinite((low, high)).all() or low > high:
        raise ValueError("a tile begins with its magic word and a range of finite numbers")
    stream = zlib.decompressobj()
    size = 2 * SIDE * SIDE
    try:
        planes = np.frombuffer(stream.decompress(content[HEADER.size :], size + 1), np.uint8)
    except zlib.error as error:
        raise ValueError(f"a tile's values cannot be read: {error}") from error
    if planes.size != size or not stream.eof or stream.unused_data:
        raise ValueError(f"a tile has {SIDE} x {SIDE} values")
    steps = planes[: size // 2].astype(np.uint16) << 8 | planes[size // 2 :]
    codes = np.cumsum(steps.reshape(SIDE, SIDE), axis=1, dtype=np.uint16).ravel()
    share = np.minimum(codes, STEPS) / STEPS
    values: Array = low * (1 - share) + high * share
    values[codes == INSIDE] = 1.0
    values[codes == NOT_FINITE] = np.nan
    return values
