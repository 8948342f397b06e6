"""Escape counts on all processors: chunks of points go to threads, hard points are gathered for later.

The arithmetic used for a point depends on the point alone, so no result depends on how the work is divided.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot import exact_orbits
from challenge.mandelbrot.kernels import escape as compiled
from challenge.mandelbrot.kernels.dispatch import DOUBLES, DOUBLES_WITHOUT_BOUND
from challenge.mandelbrot.kernels.multiprecision_steps import LADDER

Array = NDArray[np.float64]
Places = NDArray[np.int64]

# Points a thread takes at a time, if there are so many that all threads get a few such chunks, and if not.
# The last orbits of a chunk leave most lanes empty; its scratch does not grow with it.
_CHUNK: Final = 32768
_SMALL_CHUNK: Final = 8192
# Two vectors: the few points that are left over are the long ones, and are still shared out.
_FEWEST: Final = 16
# Bits to begin with for a point that 20 limbs (499 bits) did not settle.
_FIRST_BITS: Final = 1024
# A point that takes longer than this is put aside, so that a chunk does not wait for it with its lanes empty.
_FIRST_LIMIT: Final = 2048


def threads() -> int:
    """Threads that the computation uses: the processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(work: Callable[[int], None], pieces: Iterable[int], workers: int) -> None:
    """Call `work` with every piece, on `workers` threads."""
    if workers <= 1:
        for piece in pieces:
            work(piece)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, pieces):
            pass


def _run_pass(
    points: Array, limit: int, precision: int, mu: Array, distance: Array, workers: int
) -> tuple[Places, Places]:
    """One pass at one precision: writes results; returns the points that need more bits, and more steps."""
    share_of_all = -(-len(points) // workers)
    size = max(min(_CHUNK, share_of_all // 4), min(_SMALL_CHUNK, max(_FEWEST, share_of_all)))
    firsts = range(0, len(points), size)
    doubtful: list[Places] = []
    late: list[Places] = []

    def work(first: int) -> None:
        here = slice(first, first + size)
        chunk = points[here]
        unsure, unfinished = np.empty(len(chunk), np.int32), np.empty(len(chunk), np.int32)
        counts = compiled.escape(chunk, limit, precision, mu[here], distance[here], unsure, unfinished)
        doubtful.append(first + unsure[: counts[0]].astype(np.int64))
        late.append(first + unfinished[: counts[1]].astype(np.int64))

    share(work, firsts, min(workers, len(firsts)))
    none = np.empty(0, np.int64)
    return np.concatenate([none, *doubtful]), np.concatenate([none, *late])


def _run_pass_again(
    places: Places, points: Array, limit: int, precision: int, mu: Array, distance: Array, workers: int
) -> Places:
    """Another pass over some points, with a larger limit or more bits; returns those still doubtful."""
    if places.size == 0:
        return places
    some_mu, some_distance = np.empty(places.size), np.empty(places.size if distance.size else 0)
    doubtful, _ = _run_pass(points[places], limit, precision, some_mu, some_distance, workers)
    mu[places] = some_mu
    if distance.size:
        distance[places] = some_distance
    return places[doubtful]


def escape(
    points: Array, limit: int, *, with_distance: bool, exact: bool = True, workers: int | None = None
) -> tuple[Array, Array]:
    """Counts (n,) and exterior distances (n,) of plane points (n, 2); distances (0,) if not asked for.

    Not exact: in plain doubles, without the bound. Workers are threads, by default `threads()`.
    """
    workers = workers or threads()
    mu, distance = np.empty(len(points)), np.empty(len(points) if with_distance else 0)
    precision = DOUBLES if exact else DOUBLES_WITHOUT_BOUND
    doubtful, late = _run_pass(points, min(limit, _FIRST_LIMIT), precision, mu, distance, workers)
    if limit > _FIRST_LIMIT:
        doubtful = np.concatenate(
            [doubtful, _run_pass_again(late, points, limit, precision, mu, distance, workers)]
        )
    for limbs in LADDER:
        doubtful = _run_pass_again(doubtful, points, limit, limbs, mu, distance, workers)

    def settle_exactly(place: int) -> None:
        orbit = exact_orbits.Orbit(0j, complex(*points[place]))
        result = exact_orbits.escape(orbit, limit, _FIRST_BITS)
        mu[place] = result.mu
        if with_distance:
            distance[place] = result.distance

    share(settle_exactly, [int(place) for place in doubtful], min(workers, len(doubtful)))
    return mu, distance
