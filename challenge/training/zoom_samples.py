"""Training points from random zoom chains, drawn like the judge's views but from the trainer's seed.

Uniform points rarely fall into deep views: one at octave 8 holds one in 65,536 of them. Here every octave
gets the same number of points, and each point comes with its view's variance, by which the score divides.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH, view_width
from challenge.mandelbrot.target import squash
from challenge.scoring.chains import SHORE_OCTAVES

Array = NDArray[np.float64]

# Enough to find the border in a view and to estimate its variance to a tenth.
POINTS: Final = 128
# The judge iterates to 100,000. Only one point in ten thousand escapes after this; its target is wrong
# by less than 0.05, and iterating further would take fifty times as long near the set.
MAX_ITERATIONS: Final = 1_000
# Chains for each thread, at least: few orbits leave the lanes of a vector empty.
_FEWEST: Final = 8


@dataclass(frozen=True)
class ZoomPoints:
    """Points of many views, one row each.

    Attributes:
        x: (n, 2) unit coordinates.
        t: (n,) the target.
        octave: (n,) octave of the view that the point was drawn in.
        view: (n,) index of that view.
        variance: (n,) variance of the target in that view.
    """

    x: Array
    t: Array
    octave: NDArray[np.int64]
    view: NDArray[np.int64]
    variance: Array


def draw_zoom_points(
    generator: np.random.Generator, chains: int, deepest: int, *, points: int = POINTS
) -> ZoomPoints:
    """Points of fresh chains, octave after octave from 0 to `deepest`, view after view.

    Constant views are left out, because the score ignores them.

    Args:
        generator: source of randomness.
        chains: number of chains; half of them stay near the set, like the judge's.
        deepest: the last octave.
        points: number of points per view.
    """
    from challenge.mandelbrot.parallel import share, threads  # noqa: PLC0415 - Numba takes half a second to import

    shape = (deepest + 1, chains, points)
    x, t, variance = np.empty((*shape, 2)), np.empty(shape), np.empty(shape[:2])
    draws = np.empty((deepest, chains, points))
    for octave in range(deepest + 1):
        generator.random(out=x[octave])
        if octave < deepest:
            generator.random(out=draws[octave])
    # Chains are independent, so threads share them.
    groups = max(1, min(threads(), chains // _FEWEST))
    edges = [chains * group // groups for group in range(groups + 1)]
    workers = max(1, threads() // groups)

    def follow(group: int) -> None:
        here = slice(edges[group], edges[group + 1])
        shore = np.arange(edges[group], edges[group + 1]) % 2 == 1
        _follow(x[:, here], t[:, here], variance[:, here], draws[:, here], shore, workers)

    share(follow, range(groups), groups)
    seen = variance > 0
    view = np.arange(seen.size).reshape(seen.shape)[seen]
    if not seen.all():
        x, t = x[seen], t[seen]
    return ZoomPoints(
        x.reshape(-1, 2),
        t.ravel(),
        np.repeat(view // chains, points),
        np.repeat(view, points),
        np.repeat(variance[seen], points),
    )


def _follow(
    x: Array, t: Array, variance: Array, draws: Array, shore: NDArray[np.bool_], workers: int
) -> None:
    """Follow some chains from the base window down.

    Args:
        x: (octaves, chains, points, 2) random numbers in [0, 1), overwritten with the points.
        t: (octaves, chains, points) written.
        variance: (octaves, chains) written.
        draws: (octaves - 1, chains, points) random numbers that choose the next centres.
        shore: (chains,) which stay near the set.
        workers: threads.
    """
    from challenge.mandelbrot.parallel import escape_views  # noqa: PLC0415 - Numba takes half a second to import
    from challenge.scoring.nearest import next_centres  # noqa: PLC0415

    centre = np.tile(np.array(CENTRE), (len(shore), 1))
    for octave in range(len(x)):
        here, width, further = x[octave], view_width(octave), octave < len(draws)
        here -= 0.5
        here *= width
        _shift(here, centre[:, None])
        count, distance = escape_views(
            here, centre, width, MAX_ITERATIONS, with_distance=further, workers=workers
        )
        t[octave] = squash(count)
        variance[octave] = t[octave].var(axis=1)
        if further:
            room = HALF_WIDTH - view_width(octave + 1) / 2
            stay = shore & (octave < SHORE_OCTAVES)
            next_centres(here, distance, draws[octave], stay, width / 4, room, centre)
        _shift(here, -np.array(CENTRE))
        here /= HALF_WIDTH


def _shift(points: Array, by: Array) -> None:
    """Add one point or another to each, in place; as complex numbers: NumPy is slow along an axis of two."""
    points.view(np.complex128)[...] += by.view(np.complex128)
