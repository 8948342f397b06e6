"""Escape counts on all processors: chunks of points go to threads, hard points are gathered for later.

The arithmetic used for a point depends on the point alone, so no result depends on how the work is divided.
"""

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot import exact_orbits
from challenge.mandelbrot.kernels import escape as compiled
from challenge.mandelbrot.kernels import series
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

# Wider views share too few steps to be worth a polynomial.
_WIDEST_SHARED: Final = 2.0**-16
# No starts: all orbits begin at 0.
_AT_ZERO: Final = np.empty((0, series.STARTS))


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


@dataclass(frozen=True)
class _Work:
    """The points of one call, and where results go.

    Attributes:
        points: (n, 2).
        mu: (n,) written.
        distance: (n,) written, or (0,).
        starts: (n, STARTS) where orbits start; rewritten for late points.
        workers: threads.
    """

    points: Array
    mu: Array
    distance: Array
    starts: Array
    workers: int

    def run(
        self, places: Places | None, precision: int, limit: int, *, at_zero: bool
    ) -> tuple[Places, Places]:
        """One pass over the points at some places; None: over all of them.

        Args:
            places: which points.
            precision: see `kernels.escape.escape`.
            limit: of the steps.
            at_zero: whether orbits start at 0, or at `starts`.

        Returns:
            The places that need more bits, and those that need more steps, from `starts` on.
        """
        here = slice(None) if places is None else places
        points = self.points[here]
        n = len(points)
        mu, distance = (self.mu, self.distance) if places is None else (np.empty(n), np.empty(n * self._far))
        starts = _AT_ZERO if at_zero else self.starts[here]
        resumed = np.empty((n, series.STARTS))
        # Chunks so small that all threads get some, and so large that few lanes are empty.
        share_of_all = -(-n // self.workers)
        size = max(min(_CHUNK, share_of_all // 4), min(_SMALL_CHUNK, max(_FEWEST, share_of_all)))
        firsts = range(0, n, size)
        lists: list[tuple[Places, Places]] = []

        def work(first: int) -> None:
            part = slice(first, first + size)
            unsure, late = (np.empty(len(points[part]), np.int32) for _ in range(2))
            outputs = (mu[part], distance[part], unsure, late, resumed[part])
            counts = compiled.escape(points[part], starts[part], limit, precision, *outputs)
            lists.append(
                (first + unsure[: counts[0]].astype(np.int64), first + late[: counts[1]].astype(np.int64))
            )

        share(work, firsts, min(self.workers, len(firsts)))
        none = np.empty(0, np.int64)
        doubtful, late = (np.concatenate([none, *parts]) for parts in zip((none, none), *lists, strict=True))
        if places is not None:
            self.mu[places] = mu
            if self._far:
                self.distance[places] = distance
            doubtful, resumed, late = places[doubtful], resumed[late], places[late]
            self.starts[late] = resumed
        else:
            self.starts[late] = resumed[late]
        return doubtful, late

    @property
    def _far(self) -> int:
        return int(self.distance.size > 0)

    def settle_exactly(self, place: int, limit: int) -> None:
        """Compute one point in integers of any length."""
        orbit = exact_orbits.Orbit(0j, complex(*self.points[place]))
        result = exact_orbits.escape(orbit, limit, _FIRST_BITS)
        self.mu[place] = result.mu
        if self._far:
            self.distance[place] = result.distance


def escape(
    points: Array,
    limit: int,
    *,
    with_distance: bool,
    exact: bool = True,
    workers: int | None = None,
    starts: Array | None = None,
) -> tuple[Array, Array]:
    """Counts (n,) and exterior distances (n,) of plane points (n, 2); distances (0,) if not asked for.

    Args:
        points: (n, 2).
        limit: steps after which a point counts as inside.
        with_distance: whether distances are computed.
        exact: False: in plain doubles, without the bound of their error.
        workers: threads, by default `threads()`.
        starts: (n, STARTS) where orbits start, from `kernels.series.starts`, overwritten; by default, at 0.
    """
    n = len(points)
    somewhere = np.empty((n, series.STARTS)) if starts is None else starts
    mu, distance = np.empty(n), np.empty(n if with_distance else 0)
    work = _Work(points, mu, distance, somewhere, workers or threads())
    precision = DOUBLES if exact else DOUBLES_WITHOUT_BOUND
    doubtful, late = work.run(None, precision, min(limit, _FIRST_LIMIT), at_zero=starts is None)
    if limit > _FIRST_LIMIT and late.size:
        further, _ = work.run(late, precision, limit, at_zero=False)
        doubtful = np.concatenate([doubtful, further])
    for limbs in LADDER:
        if doubtful.size:
            doubtful, _ = work.run(doubtful, limbs, limit, at_zero=True)
    share(
        lambda place: work.settle_exactly(place, limit), doubtful.tolist(), min(work.workers, len(doubtful))
    )
    return mu, distance


def escape_views(
    points: Array,
    centres: Array,
    width: float,
    limit: int,
    *,
    with_distance: bool,
    workers: int | None = None,
) -> tuple[Array, Array]:
    """As `escape`, for points that lie together in views: steps that a view's points share are taken once.

    Args:
        points: (views, n, 2), each in a square of this width around its view's centre.
        centres: (views, 2).
        width: of the views.
        limit: steps after which a point counts as inside.
        with_distance: whether distances are computed.
        workers: threads, by default `threads()`.

    Returns:
        Counts (views, n), and distances (views, n) or (0,).
    """
    views, n, _ = points.shape
    flat = points.reshape(-1, 2)
    if width > _WIDEST_SHARED:
        mu, distance = escape(flat, limit, with_distance=with_distance, workers=workers)
        return mu.reshape(views, n), distance.reshape(views, n) if with_distance else distance
    # Half the diagonal, and what rounding adds to points at the edge.
    radius = width * math.sqrt(0.5) * (1 + 1e-6)
    state = series.shared_steps(np.ascontiguousarray(centres), radius, float(limit))
    starts = np.empty((views * n, series.STARTS))
    for view in range(views):
        here = slice(view * n, view * n + n)
        series.starts(points[view], centres[view], state, view, starts[here])
    mu, distance = escape(flat, limit, with_distance=with_distance, workers=workers, starts=starts)
    return mu.reshape(views, n), distance.reshape(views, n) if with_distance else distance
