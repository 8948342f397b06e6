"""Who computes what, and when: chunks of points on all processors, the few hard points gathered for later.

A point's way depends on the point alone, never on its neighbours: no result depends on how the work is cut.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot import bigint
from challenge.mandelbrot.kernels import escape as compiled
from challenge.mandelbrot.kernels.dispatch import IN_DOUBLES, WITHOUT_BOUND
from challenge.mandelbrot.kernels.multiprecision_steps import LADDER

Array = NDArray[np.float64]
Places = NDArray[np.int64]

# Points a thread takes at a time, if there are so many that all threads get a few such chunks, and if not.
# The last orbits of a chunk leave most lanes empty; its scratch does not grow with it.
_CHUNK: Final = 32768
_SMALL_CHUNK: Final = 8192
# Two vectors: the few points that are left over are the long ones, and are still shared out.
_FEWEST: Final = 16
# A point that takes longer than this is put aside, so that a chunk does not wait for it with its lanes empty.
_PATIENCE: Final = 2048


def threads() -> int:
    """Threads that the computation uses: the processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(work: Callable[[int], None], pieces: Iterable[int], workers: int) -> None:
    """Do the work on every piece, on so many threads."""
    if workers <= 1:
        for piece in pieces:
            work(piece)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, pieces):
            pass


def _sweep(
    points: Array, limit: int, way: int, mu: Array, distance: Array, workers: int
) -> tuple[Places, Places]:
    """Write what can be settled in one way; returns who lacks precision, and who iterations."""
    share_of_all = -(-len(points) // workers)
    size = max(min(_CHUNK, share_of_all // 4), min(_SMALL_CHUNK, max(_FEWEST, share_of_all)))
    firsts = range(0, len(points), size)
    doubtful: list[Places] = []
    late: list[Places] = []

    def work(first: int) -> None:
        here = slice(first, first + size)
        chunk = points[here]
        unsure, unfinished = np.empty(len(chunk), np.int32), np.empty(len(chunk), np.int32)
        counts = compiled.escape(chunk, limit, way, mu[here], distance[here], unsure, unfinished)
        doubtful.append(first + unsure[: counts[0]].astype(np.int64))
        late.append(first + unfinished[: counts[1]].astype(np.int64))

    share(work, firsts, min(workers, len(firsts)))
    none = np.empty(0, np.int64)
    return np.concatenate([none, *doubtful]), np.concatenate([none, *late])


def _again(
    places: Places, points: Array, limit: int, way: int, mu: Array, distance: Array, workers: int
) -> Places:
    """Sweep some points once more, with a larger limit or more precision; returns who is still doubtful."""
    if places.size == 0:
        return places
    some_mu, some_distance = np.empty(places.size), np.empty(places.size if distance.size else 0)
    doubtful, _ = _sweep(points[places], limit, way, some_mu, some_distance, workers)
    mu[places] = some_mu
    if distance.size:
        distance[places] = some_distance
    return places[doubtful]


def escape(
    points: Array, limit: int, *, with_distance: bool, exact: bool = True, workers: int | None = None
) -> tuple[Array, Array]:
    """Counts (n,) and exterior distances (n,) of plane points (n, 2); distances (0,) if not asked for.

    If not exact, in plain doubles, and nobody is ever doubtful. Workers are threads, by default `threads()`.
    """
    workers = workers or threads()
    mu, distance = np.empty(len(points)), np.empty(len(points) if with_distance else 0)
    way = IN_DOUBLES if exact else WITHOUT_BOUND
    doubtful, late = _sweep(points, min(limit, _PATIENCE), way, mu, distance, workers)
    if limit > _PATIENCE:
        doubtful = np.concatenate([doubtful, _again(late, points, limit, way, mu, distance, workers)])
    for limbs in LADDER:
        doubtful = _again(doubtful, points, limit, limbs, mu, distance, workers)

    def follow(place: int) -> None:
        re, im = (float(value) for value in points[place])
        result = bigint.escape(re, im, limit)
        mu[place] = result.mu
        if with_distance:
            distance[place] = result.distance

    share(follow, [int(place) for place in doubtful], min(workers, len(doubtful)))
    return mu, distance
