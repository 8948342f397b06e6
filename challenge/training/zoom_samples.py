"""Training points drawn as the judge's views are drawn: from random zoom chains of the trainer's own.

Uniform points starve deep octaves: a view at octave 8 holds one in 65,536 of them. Here every octave gets as
many points as any other, and each point comes with the variance of its view, which the score divides by.
The chains have the distribution of the evaluation sets', but derive from the trainer's seed alone.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH, to_unit, view_width
from challenge.mandelbrot.target import distance as distance_estimate
from challenge.mandelbrot.target import escape_count, squash
from challenge.scoring.chains import SHORE_OCTAVES

Array = NDArray[np.float64]

# Enough to find the border in a view and to know its variance to a tenth.
POINTS: Final = 128
# The judge counts to 100,000. What escapes after the first thousand is a point in ten thousand, and wrong by
# less than 0.05, while the shore would cost fifty times as much.
MAX_ITERATIONS: Final = 1_000


@dataclass(frozen=True)
class ZoomPoints:
    """Points of many views, one row each.

    Attributes:
        x: (n, 2) unit coordinates.
        t: (n,) the target.
        octave: (n,) octave of the view that the point was drawn in.
        view: (n,) number of that view, from 0 on.
        variance: (n,) variance of the target in that view.
    """

    x: Array
    t: Array
    octave: NDArray[np.int64]
    view: NDArray[np.int64]
    variance: Array


def zoom_points(
    generator: np.random.Generator, chains: int, deepest: int, *, points: int = POINTS
) -> ZoomPoints:
    """All points of fresh chains from octave 0 to `deepest`, in random order.

    Views without any structure are left out: they score nothing.

    Args:
        generator: draws the chains.
        chains: how many; half of them keep to the shore of the set, as the judge's do.
        deepest: the last octave.
        points: how many a view.
    """
    shore = np.arange(chains) % 2 == 1
    centre = np.tile(np.array(CENTRE), (chains, 1))
    xs, ts, octaves, views, variances = [], [], [], [], []
    for octave in range(deepest + 1):
        here = centre[:, None, :] + view_width(octave) * (generator.random((chains, points, 2)) - 0.5)
        flat = here.reshape(-1, 2)
        t = squash(escape_count(flat, max_iterations=MAX_ITERATIONS)).reshape(chains, points)
        variance = t.var(axis=1)
        seen = variance > 0
        xs.append(to_unit(here[seen].reshape(-1, 2)))
        ts.append(t[seen].ravel())
        variances.append(np.repeat(variance[seen], points))
        views.append(np.repeat(octave * chains + np.flatnonzero(seen), points))
        octaves.append(np.full(variances[-1].size, octave))
        if octave < deepest:
            distance = distance_estimate(flat, max_iterations=MAX_ITERATIONS).reshape(chains, points)
            follow = shore if octave < SHORE_OCTAVES else np.zeros(chains, dtype=bool)
            centre = _next_centres(generator, here, distance, centre, octave, follow)
    order = generator.permutation(sum(map(len, ts)))
    return ZoomPoints(
        np.concatenate(xs)[order],
        np.concatenate(ts)[order],
        np.concatenate(octaves)[order],
        np.concatenate(views)[order],
        np.concatenate(variances)[order],
    )


def _next_centres(
    generator: np.random.Generator,
    here: Array,
    distance: Array,
    centre: Array,
    octave: int,
    shore: NDArray[np.bool_],
) -> Array:
    """The next view's centre of every chain: (chains, 2); the rule of the contract's section 3."""
    chains = np.arange(len(here))
    outside = distance > 0
    room = HALF_WIDTH - view_width(octave + 1) / 2
    allowed = outside & (np.abs(here - np.array(CENTRE)) <= room).all(axis=2)
    candidates = allowed & (distance <= view_width(octave) / 4)
    # A random candidate is the one with the least of as many random numbers.
    chosen = np.where(candidates, generator.random(candidates.shape), np.inf).argmin(axis=1)
    nearest = np.where(allowed, distance, np.inf).argmin(axis=1)
    chosen = np.where(candidates.any(axis=1), chosen, nearest)
    for chain in np.flatnonzero(shore & candidates.any(axis=1) & ~outside.all(axis=1)):
        those = np.flatnonzero(candidates[chain])
        gaps = here[chain, those][:, None, :] - here[chain, ~outside[chain]][None, :, :]
        chosen[chain] = those[(gaps**2).sum(axis=2).min(axis=1).argmin()]
    following: Array = np.where(allowed.any(axis=1)[:, None], here[chains, chosen], centre)
    return following
