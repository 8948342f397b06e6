"""Training points from random zoom chains, drawn like the judge's views but from the trainer's seed.

Uniform points rarely fall into deep views: one at octave 8 holds one in 65,536 of them. Here every octave
gets the same number of points, and each point comes with its view's variance, by which the score divides.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH, to_unit, view_width
from challenge.mandelbrot.target import squash
from challenge.scoring.chains import SHORE_OCTAVES

Array = NDArray[np.float64]

# Enough to find the border in a view and to estimate its variance to a tenth.
POINTS: Final = 128
# The judge iterates to 100,000. Only one point in ten thousand escapes after this; its target is wrong
# by less than 0.05, and iterating further would take fifty times as long near the set.
MAX_ITERATIONS: Final = 1_000


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
    from challenge.mandelbrot.parallel import escape_views  # noqa: PLC0415 - Numba takes half a second to import

    shore = np.arange(chains) % 2 == 1
    centre = np.tile(np.array(CENTRE), (chains, 1))
    xs, ts, octaves, views, variances = [], [], [], [], []
    for octave in range(deepest + 1):
        here = centre[:, None, :] + view_width(octave) * (generator.random((chains, points, 2)) - 0.5)
        further = octave < deepest
        count, distance = escape_views(
            here, centre, view_width(octave), MAX_ITERATIONS, with_distance=further
        )
        t = squash(count)
        variance = t.var(axis=1)
        seen = variance > 0
        xs.append(to_unit(here[seen].reshape(-1, 2)))
        ts.append(t[seen].ravel())
        variances.append(np.repeat(variance[seen], points))
        views.append(np.repeat(octave * chains + np.flatnonzero(seen), points))
        octaves.append(np.full(variances[-1].size, octave))
        if further:
            follow = shore if octave < SHORE_OCTAVES else np.zeros(chains, dtype=bool)
            centre = _next_centres(generator, here, distance, centre, octave, follow)
    return ZoomPoints(
        np.concatenate(xs),
        np.concatenate(ts),
        np.concatenate(octaves),
        np.concatenate(views),
        np.concatenate(variances),
    )


def _next_centres(
    generator: np.random.Generator,
    here: Array,
    distance: Array,
    centre: Array,
    octave: int,
    shore: NDArray[np.bool_],
) -> Array:
    """Centres (chains, 2) of the next views, by the rule of the specification, section 3."""
    from challenge.scoring.nearest import nearest_to_others  # noqa: PLC0415 - Numba takes half a second to import

    chains = np.arange(len(here))
    outside = distance > 0
    room = HALF_WIDTH - view_width(octave + 1) / 2
    # Part by part: NumPy is slow along an axis of two.
    within = [np.abs(here[:, :, part] - CENTRE[part]) <= room for part in range(2)]
    allowed = np.logical_and.reduce([outside, *within])
    candidates = allowed & (distance <= view_width(octave) / 4)
    # The argmin over independent random numbers is a uniformly random candidate.
    chosen = np.where(candidates, generator.random(candidates.shape), np.inf).argmin(axis=1)
    nearest = np.where(allowed, distance, np.inf).argmin(axis=1)
    chosen = np.where(candidates.any(axis=1), chosen, nearest)
    for chain in np.flatnonzero(shore & candidates.any(axis=1) & ~outside.all(axis=1)):
        chosen[chain] = nearest_to_others(here[chain], candidates[chain], ~outside[chain])
    following: Array = np.where(allowed.any(axis=1)[:, None], here[chains, chosen], centre)
    return following
