"""Evaluation sets: chains of views that follow the border of the set down (contract, section 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH, OCTAVES
from challenge.mandelbrot.target import MAX_ITERATIONS, squash
from challenge.scoring.chains import Look, Views, draw_views
from challenge.scoring.season import Season

Array = NDArray[np.float64]

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


class EvaluationSet(Views):
    """The views of a season, in the plane."""


@dataclass(frozen=True)
class Plane:
    """The base window of the plane, as the ground of chains.

    Attributes:
        workers: how many threads look, now.
    """

    workers: Callable[[], int]
    centre: tuple[float, float] = CENTRE
    half_width: float = HALF_WIDTH

    def look(self, points: Array) -> Look:
        """The target at (n, 2) plane points, and the distance estimate."""
        from challenge.mandelbrot.parallel import escape  # noqa: PLC0415 - Numba takes half a second to import

        count, distance = escape(points, MAX_ITERATIONS, with_distance=True, workers=self.workers())
        return Look(squash(count), distance)


def evaluation_set(season: Season, size: EvaluationSize = FULL) -> EvaluationSet:
    """The evaluation set of a season: a function of its secret and the size alone.

    A chain has a generator of its own, so it does not depend on how many others there are.
    """
    from challenge.mandelbrot.parallel import share, threads  # noqa: PLC0415 - Numba takes half a second to import

    # A view has to wait for the one before, and a chain for nothing: so threads share the chains.
    groups = max(1, min(threads(), size.chains // _FEWEST))
    edges = [size.chains * group // groups for group in range(groups + 1)]
    found: dict[int, Views] = {}
    # Whoever is left when others have finished takes their threads.
    ground = Plane(lambda: max(1, threads() // (groups - len(found))))

    def draw(group: int) -> None:
        chains = range(edges[group], edges[group + 1])
        generators = [season.generator("chain", chain) for chain in chains]
        found[group] = draw_views(
            ground, generators, octaves=size.octaves, points=size.points, first=chains.start
        )

    share(draw, range(groups), groups)
    parts = [found[group] for group in range(groups)]
    return EvaluationSet(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.centres for part in parts]),
    )
