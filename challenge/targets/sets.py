"""What a season's target gives: samples to learn from, and the evaluation set that they are judged on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.scoring.chains import Views, draw_views
from challenge.scoring.evaluation_set import FULL, EvaluationSize
from challenge.scoring.season import Season
from challenge.scoring.tracks import SAMPLES, samples_size
from challenge.targets.target import Target

Array = NDArray[np.float64]

# Of each target. Three targets with 32 chains each weigh more than one with 64, and 256 points a view know
# its variance to a tenth; the truth of a set takes seconds instead of a minute.
SIZE: Final = samples_size(FULL)
_PIECE: Final = 1 << 18


@dataclass(frozen=True)
class Samples:
    """Uniform random points of the unit square: x (n, 2), and the target there, t (n,)."""

    x: Array
    t: Array


def training_samples(season: Season, target: Target, n: int = SAMPLES) -> Samples:
    """What a submission is given; the first n of the same sequence, whatever n is."""
    x = season.generator("target", target.kind, "train").uniform(-1, 1, (n, 2))
    t = np.concatenate([target.values(x[first : first + _PIECE]) for first in range(0, n, _PIECE)])
    return Samples(x, t)


def target_views(season: Season, target: Target, size: EvaluationSize = SIZE) -> Views:
    """What it is judged on, in unit coordinates; a chain does not depend on how many others there are."""
    generators = [season.generator("target", target.kind, "chain", index) for index in range(size.chains)]
    return draw_views(target, generators, octaves=size.octaves, points=size.points)
