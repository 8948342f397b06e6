"""How much an evaluation asks: its set, families of controls, probes and their effort, pictures.

Seasons are judged in full. A season of any other size is a test season, and is small in everything.
"""

from dataclasses import dataclass
from typing import Final, Self

from challenge.controls import FAMILIES
from challenge.scoring.evaluation_set import FULL, EvaluationSize
from challenge.scoring.places import PLACES, Place
from challenge.targets import SIZE as FULL_SAMPLES_SIZE

SMALL_FAMILIES: Final = ("curve", "drawing", "surface", "digits")
# In the order in which they are run and shown.
PROBES: Final = ("same machine", "consistency", "scramble", "twin", "plasticity", "capacity", "dose")


@dataclass(frozen=True)
class Effort:
    """How much the probes ask.

    Attributes:
        scrambles: how often the weights are shuffled.
        warps: number of secret warps that the twin is fitted to.
        steps: optimiser steps of the twin's and the plasticity's fits.
        doses: shares of shuffled weights in the mixtures, besides 0 and 1; 1e-3 decides.
        views, points: at most so many views, and points of each, are asked of a shuffled model.
    """

    scrambles: int = 5
    warps: int = 3
    steps: int = 500
    doses: tuple[float, ...] = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1)
    views: int = 400
    points: int = 100


FULL_EFFORT: Final = Effort()
SMALL_EFFORT: Final = Effort(scrambles=1, warps=1, steps=200, doses=(1e-3,))


@dataclass(frozen=True)
class EvaluationPlan:
    """What one evaluation asks.

    Attributes:
        size: of the evaluation set, or of a target's on the samples track.
        families: of controls; one control of each.
        probes: names of the integrity probes.
        effort: of the probes.
        places: whose pictures are drawn on the open track; on the samples track any place draws the targets.
        quick: octaves only; no controls, no probes, and on the open track no pictures.
    """

    size: EvaluationSize
    families: tuple[str, ...] = tuple(FAMILIES)
    probes: tuple[str, ...] = PROBES
    effort: Effort = FULL_EFFORT
    places: tuple[Place, ...] = tuple(PLACES)
    quick: bool = False

    @classmethod
    def open_track(cls, size: EvaluationSize = FULL, *, quick: bool = False, pictures: bool = True) -> Self:
        """The plan for a season's size on the open track."""
        return cls._of(size, full=size == FULL, quick=quick, pictures=pictures)

    @classmethod
    def samples_track(
        cls, size: EvaluationSize = FULL_SAMPLES_SIZE, *, quick: bool = False, pictures: bool = True
    ) -> Self:
        """The plan for a season's size on the samples track, which has controls and no probes."""
        return cls._of(size, full=size == FULL_SAMPLES_SIZE, quick=quick, pictures=pictures)

    @classmethod
    def _of(cls, size: EvaluationSize, *, full: bool, quick: bool, pictures: bool) -> Self:
        return cls(
            size=size,
            families=tuple(FAMILIES) if full else SMALL_FAMILIES,
            effort=FULL_EFFORT if full else SMALL_EFFORT,
            places=tuple(PLACES) if pictures else (),
            quick=quick,
        )

    @property
    def pictures(self) -> bool:
        """Whether pictures are drawn."""
        return bool(self.places)
