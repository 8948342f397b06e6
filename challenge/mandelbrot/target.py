"""The target: escape count, its squash to [0, 1], and the distance to the set (docs/spec.md, section 1)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MAX_ITERATIONS: Final = 100_000
SQUASH: Final = 50.0
# Far outside everything that escapes at once, and squares of squares are still finite.
LARGEST: Final = 1e75
MOST_ITERATIONS: Final = 2**31
_PIECE: Final = 1 << 16


def _points(points: ArrayLike) -> Array:
    array = np.ascontiguousarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"points must have the shape (n, 2), real and imaginary part, not {array.shape}")
    # Piece by piece, so that the check needs no memory of the size of the points.
    for first in range(0, len(array), _PIECE):
        largest = np.abs(array[first : first + _PIECE]).max()
        if not np.isfinite(largest):
            raise ValueError("points must be finite")
        if largest > LARGEST:
            raise ValueError(f"points must lie within {LARGEST:g} of the origin, not {largest:g} away")
    return array


def _escape(
    points: ArrayLike, max_iterations: int, *, with_distance: bool, exact: bool = True
) -> tuple[Array, Array]:
    """Counts (n,) and distances (n,), or (0,) if they are not asked for."""
    from challenge.mandelbrot.parallel import escape  # noqa: PLC0415 - Numba takes half a second to import

    array = _points(points)
    if not 1 <= max_iterations <= MOST_ITERATIONS:
        raise ValueError(f"max_iterations must lie in 1 .. {MOST_ITERATIONS}, not {max_iterations}")
    return escape(array, max_iterations, with_distance=with_distance, exact=exact)


def escape_count(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS, exact: bool = True) -> Array:
    """Smooth escape count of plane points (n, 2): (n,) float64, +inf inside the set.

    Exact to what moves the target by 1e-9, for every float64 point. The bits do not depend on the number of
    threads, the order or number of the points, or the CPU.

    Args:
        points: (n, 2), real and imaginary part.
        max_iterations: steps after which a point counts as inside.
        exact: False leaves out what makes sure of that: plain doubles, as everybody iterates them, which err
            where orbits magnify a rounding. For pictures; no score rests on it.

    Raises:
        ValueError: the points are not (n, 2), not finite or beyond `LARGEST`; max_iterations is below 1.
    """
    return _escape(points, max_iterations, with_distance=False, exact=exact)[0]


def squash(mu: Array) -> Array:
    """The squash: m / (m + 50) with m = max(mu, 0); 1 where mu is infinite."""
    m = np.maximum(mu, 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(m), 1.0, m / (m + SQUASH))


def target(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """The function to be learned, at plane points (n, 2): (n,) float64 in [0, 1]."""
    return squash(escape_count(points, max_iterations=max_iterations))


@dataclass(frozen=True)
class Escapes:
    """What one pass over points gives: as `escape_count` and `distance` do, each (n,)."""

    count: Array
    distance: Array


def escapes(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Escapes:
    """Counts and distances of plane points (n, 2) in one pass, for whoever wants both."""
    return Escapes(*_escape(points, max_iterations, with_distance=True))


def distance(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """Exterior distance estimate in the plane, (n,) float64; 0 inside the set.

    2 |z| ln |z| / |dz/dc|: the distance to the set lies between a half and twice of it, nearly.
    """
    return _escape(points, max_iterations, with_distance=True)[1]
