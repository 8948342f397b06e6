"""Chains of views that zoom in along the border of a set, for any target (docs/spec.md, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHORE_OCTAVES: Final = 12


@dataclass(frozen=True)
class Values:
    """Target and distance at some points, each of their shape.

    Attributes:
        truth: the target in [0, 1].
        distance: estimated distance to the set, in the target's own coordinates; 0 inside it.
    """

    truth: Array
    distance: Array


class ChainTarget(Protocol):
    """A target on a square in which chains are drawn; a view of octave k is 2^-k times as wide."""

    @property
    def centre(self) -> tuple[float, float]:
        """Of the square."""

    @property
    def half_width(self) -> float:
        """Of the square."""

    def evaluate_views(self, points: Array, centres: Array, width: float) -> Values:
        """Target and distance at points (views, n, 2), each (views, n); the views' centres are (views, 2)."""


@dataclass(frozen=True)
class Views:
    """Points and truth of every view.

    Attributes:
        points: (chains, octaves, points, 2) in the target's coordinates.
        truth: (chains, octaves, points) values in [0, 1].
        centres: (chains, octaves, 2) centres of the views.
    """

    points: Array
    truth: Array
    centres: Array


def draw_views(
    target: ChainTarget,
    generators: Sequence[np.random.Generator],
    *,
    octaves: int,
    points: int,
    first: int = 0,
) -> Views:
    """Draw one chain for each generator, from the whole square down; odd chains stay near the border.

    Args:
        target: where the chains are drawn.
        generators: one for each chain.
        octaves: views in a chain.
        points: points in a view.
        first: number of the first chain, which decides which chains are odd.
    """
    chains = len(generators)
    where = np.empty((chains, octaves, points, 2))
    truth = np.empty((chains, octaves, points))
    centres = np.empty((chains, octaves, 2))
    centre = np.tile(np.array(target.centre), (chains, 1))
    for octave in range(octaves):
        centres[:, octave] = centre
        width = 2 * target.half_width * 2.0**-octave
        drawn = np.stack([generator.random((points, 2)) for generator in generators])
        here = centre[:, None, :] + width * (drawn - 0.5)
        seen = target.evaluate_views(here, centre, width)
        where[:, octave] = here
        truth[:, octave] = seen.truth
        if octave + 1 == octaves:
            break
        distances = seen.distance
        # The next view has to lie in the square.
        room = target.half_width - width / 4
        allowed = (distances > 0) & (np.abs(here - np.array(target.centre)) <= room).all(axis=2)
        for chain, generator in enumerate(generators):
            shore = (first + chain) % 2 == 1 and octave < SHORE_OCTAVES
            chosen = _next_view(
                here[chain], distances[chain], allowed[chain], width / 4, generator.random(), shore=shore
            )
            if chosen is not None:
                centre[chain] = here[chain, chosen]
    return Views(where, truth, centres)


def _next_view(
    points: Array, distances: Array, allowed: NDArray[np.bool_], near: float, draw: float, *, shore: bool
) -> int | None:
    """Index of the point on which the next view is centred; None: no point is allowed, the centre stays.

    A random point outside the set and near it, or else the point nearest to the set. With `shore`, the
    candidate nearest to an inside point, where the view has both.
    """
    if not allowed.any():
        return None
    near_enough = allowed & (distances <= near)
    candidates = np.flatnonzero(near_enough)
    if candidates.size == 0:
        return int(np.argmin(np.where(allowed, distances, np.inf)))
    inside = distances <= 0
    if shore and inside.any():
        from challenge.scoring.nearest import nearest_to_others  # noqa: PLC0415 - Numba takes half a second

        return int(nearest_to_others(points, near_enough, inside))
    return int(candidates[int(draw * candidates.size)])
