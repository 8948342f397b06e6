"""Evaluation sets: chains of views that follow the border of the set down (contract, section 3)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.frame import BASE, CENTRE, HALF_WIDTH, OCTAVES, view_width
from challenge.season import Season
from challenge.target import MAX_ITERATIONS, squash

Array = NDArray[np.float64]

SHORE_OCTAVES: Final = 12
# Chains that a thread takes at least: many orbits fill the lanes, few do not.
_FEWEST: Final = 8


@dataclass(frozen=True)
class EvaluationSize:
    """How many chains, octaves and points a view a set holds."""

    chains: int = 64
    octaves: int = OCTAVES
    points: int = 512

    def __post_init__(self) -> None:
        if not (1 <= self.chains <= 4096 and 1 <= self.octaves <= OCTAVES and 2 <= self.points <= 65536):
            raise ValueError(f"no evaluation set has {self.chains} x {self.octaves} x {self.points} points")


FULL: Final = EvaluationSize()


@dataclass(frozen=True)
class EvaluationSet:
    """Points and truth of every view.

    Attributes:
        points: (chains, octaves, points, 2) plane points.
        truth: (chains, octaves, points) the target there.
        centres: (chains, octaves, 2) centres of the views in the plane.
    """

    points: Array
    truth: Array
    centres: Array


def evaluation_set(season: Season, size: EvaluationSize = FULL) -> EvaluationSet:
    """The evaluation set of a season: a function of its secret and the size alone.

    A chain has a generator of its own, so it does not depend on how many others there are.
    """
    from challenge.schedule import share, threads  # noqa: PLC0415 - Numba takes half a second to import

    found = EvaluationSet(
        np.empty((size.chains, size.octaves, size.points, 2)),
        np.empty((size.chains, size.octaves, size.points)),
        np.empty((size.chains, size.octaves, 2)),
    )
    # A view has to wait for the one before, and a chain for nothing: so threads share the chains.
    groups = max(1, min(threads(), size.chains // _FEWEST))
    edges = [size.chains * group // groups for group in range(groups + 1)]
    share(
        lambda group: _follow(season, size, range(edges[group], edges[group + 1]), groups, found),
        range(groups),
        groups,
    )
    return found


def _follow(season: Season, size: EvaluationSize, chains: range, groups: int, found: EvaluationSet) -> None:
    """Write some chains; if they are one group of several, in one thread."""
    from challenge.schedule import escape  # noqa: PLC0415 - Numba takes half a second to import

    generators = [season.generator("chain", index) for index in chains]
    centre = np.tile(np.array(BASE.centre), (len(chains), 1))
    for octave in range(size.octaves):
        drawn = np.stack([generator.random((size.points, 2)) for generator in generators])
        here = centre[:, None, :] + view_width(octave) * (drawn - 0.5)
        count, distance = escape(
            here.reshape(-1, 2), MAX_ITERATIONS, with_distance=True, workers=1 if groups > 1 else None
        )
        places = slice(chains.start, chains.stop)
        found.centres[places, octave], found.points[places, octave] = centre, here
        found.truth[places, octave] = squash(count).reshape(here.shape[:2])
        if octave + 1 == size.octaves:
            break
        distances = distance.reshape(here.shape[:2])
        for place, (chain, generator) in enumerate(zip(chains, generators, strict=True)):
            shore = chain % 2 == 1 and octave < SHORE_OCTAVES
            centre[place] = _next_centre(
                here[place], distances[place], centre[place], octave, generator.random(), shore=shore
            )


def _next_centre(
    points: Array, distances: Array, centre: Array, octave: int, draw: float, *, shore: bool
) -> Array:
    """Where the next view goes: one of the present view's points, near the set but outside it.

    On the shore it is the candidate nearest to an inside point, where the view has both.
    """
    outside = distances > 0
    # The next view has to lie in the base window.
    room = HALF_WIDTH - view_width(octave + 1) / 2
    allowed = outside & (np.abs(points - np.array(CENTRE)) <= room).all(axis=1)
    if not allowed.any():
        return centre
    candidates = np.flatnonzero(allowed & (distances <= view_width(octave) / 4))
    if candidates.size == 0:
        nearest: Array = points[np.argmin(np.where(allowed, distances, np.inf))]
        return nearest
    if shore and not outside.all():
        gaps = points[candidates][:, None, :] - points[~outside][None, :, :]
        chosen: Array = points[candidates[np.argmin((gaps**2).sum(axis=2).min(axis=1))]]
        return chosen
    drawn: Array = points[candidates[int(draw * candidates.size)]]
    return drawn
