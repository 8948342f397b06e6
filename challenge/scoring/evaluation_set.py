"""The evaluation set of a season: points, truth and centres of all its views (docs/spec.md, section 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import CENTRE, HALF_WIDTH, OCTAVES
from challenge.mandelbrot.target import MAX_ITERATIONS, squash
from challenge.scoring.chains import Values, Views, draw_views
from challenge.scoring.season import Season

Array = NDArray[np.float64]

# Chains for each thread, at least: few orbits leave the lanes of a vector empty.
_FEWEST: Final = 8


@dataclass(frozen=True)
class EvaluationSize:
    """Numbers of chains, of octaves, and of points in a view."""

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
class MandelbrotPlane:
    """The Mandelbrot target on the base window of the plane.

    Attributes:
        workers: gives the number of threads to use at this moment.
    """

    workers: Callable[[], int]
    centre: tuple[float, float] = CENTRE
    half_width: float = HALF_WIDTH

    def evaluate_views(self, points: Array, centres: Array, width: float) -> Values:
        """The target at plane points (views, n, 2) of views of this width, and the distance estimate."""
        from challenge.mandelbrot.parallel import escape_views  # noqa: PLC0415 - Numba takes half a second to import

        count, distance = escape_views(
            points, centres, width, MAX_ITERATIONS, with_distance=True, workers=self.workers()
        )
        return Values(squash(count), distance)


def evaluation_set(season: Season, size: EvaluationSize = FULL) -> EvaluationSet:
    """The evaluation set of a season, which depends on its secret and the size alone.

    Every chain has a generator of its own, so it does not depend on the number of chains.
    """
    from challenge.mandelbrot.parallel import share, threads  # noqa: PLC0415 - Numba takes half a second to import

    # A view depends on the one before; chains are independent, so threads share them.
    groups = max(1, min(threads(), size.chains // _FEWEST))
    edges = [size.chains * group // groups for group in range(groups + 1)]
    found: dict[int, Views] = {}
    # The last groups take over the threads of those that have finished.
    plane = MandelbrotPlane(lambda: max(1, threads() // (groups - len(found))))

    def draw(group: int) -> None:
        chains = range(edges[group], edges[group + 1])
        generators = [season.generator("chain", chain) for chain in chains]
        found[group] = draw_views(
            plane, generators, octaves=size.octaves, points=size.points, first=chains.start
        )

    share(draw, range(groups), groups)
    parts = [found[group] for group in range(groups)]
    return EvaluationSet(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.centres for part in parts]),
    )
