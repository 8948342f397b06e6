"""The target: escape count, its squash to [0, 1], and the distance to the set (contract, section 1)."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MAX_ITERATIONS: Final = 100_000
SQUASH: Final = 50.0
# Far outside everything that escapes at once, and squares of squares are still finite.
LARGEST: Final = 1e75
MOST_ITERATIONS: Final = 2**31
# Points a thread takes at a time: its scratch stays in the cache, and few lanes wait for the chunk's last points.
_CHUNK: Final = 8192


def threads() -> int:
    """Threads that the computation uses: the processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _points(points: ArrayLike) -> Array:
    array = np.ascontiguousarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"points must have the shape (n, 2), real and imaginary part, not {array.shape}")
    return array


def _check(chunk: Array) -> None:
    # One comparison finds what is too large, infinite or not a number.
    if not np.abs(chunk).max() <= LARGEST:
        if not np.isfinite(chunk).all():
            raise ValueError("points must be finite")
        raise ValueError(f"points must lie within {LARGEST:g} of the origin")


def _escape(points: ArrayLike, max_iterations: int, *, with_distance: bool) -> tuple[Array, Array]:
    """Counts (n,) and distances (n,), or (0,) if they are not asked for."""
    from challenge import precise  # noqa: PLC0415 - numba takes a second to import
    from challenge.compiled.escape import escape  # noqa: PLC0415 - the same

    array = _points(points)
    if not 1 <= max_iterations <= MOST_ITERATIONS:
        raise ValueError(f"max_iterations must lie in 1 .. {MOST_ITERATIONS}, not {max_iterations}")
    mu = np.empty(len(array))
    distances = np.empty(len(array) if with_distance else 0)

    def work(first: int) -> None:
        chunk = array[first : first + _CHUNK]
        _check(chunk)
        lost = np.empty(len(chunk), np.int32)
        missing = escape(
            chunk,
            float(max_iterations),
            mu[first : first + _CHUNK],
            distances[first : first + _CHUNK],
            lost,
        )
        for index in lost[:missing]:
            found = precise.escape(float(chunk[index, 0]), float(chunk[index, 1]), max_iterations)
            mu[first + index] = found.mu
            if with_distance:
                distances[first + index] = found.distance

    firsts = range(0, len(array), _CHUNK)
    workers = min(threads(), len(firsts))
    if workers <= 1:
        for first in firsts:
            work(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(work, firsts):
                pass
    return mu, distances


def escape_count(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """Smooth escape count of plane points (n, 2): (n,) float64, +inf inside the set.

    Exact to what moves the target by 1e-9, for every float64 point. The result does not depend on the number of
    threads, the order or number of the points, or the CPU.

    Raises:
        ValueError: the points are not (n, 2), not finite or beyond `LARGEST`; max_iterations is below 1.
    """
    return _escape(points, max_iterations, with_distance=False)[0]


def squash(mu: Array) -> Array:
    """m / (m + 50) with m = max(mu, 0); 1 where mu is infinite."""
    m = np.maximum(mu, 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(m), 1.0, m / (m + SQUASH))


def target(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """The function to be learned, at plane points (n, 2): (n,) float64 in [0, 1]."""
    return squash(escape_count(points, max_iterations=max_iterations))


def distance(points: ArrayLike, *, max_iterations: int = MAX_ITERATIONS) -> Array:
    """Exterior distance estimate in the plane, (n,) float64; 0 inside the set.

    2 |z| ln |z| / |dz/dc|: the distance to the set lies between a half and twice of it, nearly.
    """
    return _escape(points, max_iterations, with_distance=True)[1]
