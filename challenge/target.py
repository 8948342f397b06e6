"""The target: escape count, its squash to [0, 1], and the distance to the set (contract, section 1)."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MAX_ITERATIONS: Final = 100_000
SQUASH: Final = 50.0


def _points(points: ArrayLike) -> Array:
    array = np.ascontiguousarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"points must have the shape (n, 2), real and imaginary part, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("points must be finite")
    return array


def _escape(points: ArrayLike, max_iterations: int) -> tuple[Array, Array]:
    from challenge import kernels  # noqa: PLC0415 - numba takes a second to import

    array = _points(points)
    mu, distance = np.empty(len(array)), np.empty(len(array))
    kernels.smooth_escape(
        np.ascontiguousarray(array[:, 0]), np.ascontiguousarray(array[:, 1]), max_iterations, mu, distance
    )
    return mu, distance


def escape_count(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """Smooth escape count of plane points (n, 2): (n,) float64, +inf inside the set.

    Raises:
        ValueError: the points are not (n, 2) or not finite.
    """
    return _escape(points, max_iterations)[0]


def squash(mu: Array) -> Array:
    """m / (m + 50) with m = max(mu, 0); 1 where mu is infinite."""
    m = np.maximum(mu, 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(m), 1.0, m / (m + SQUASH))


def target(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """The function to be learned, at plane points (n, 2): (n,) float64 in [0, 1]."""
    return squash(escape_count(points, max_iterations=max_iterations))


def distance(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """Exterior distance estimate in the plane, (n,) float64; 0 inside the set."""
    return _escape(points, max_iterations)[1]
