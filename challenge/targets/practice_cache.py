"""The practice season's targets, kept on disk: they are public, and every local score asks for them."""

from pathlib import Path
from typing import Final

from challenge.scoring.chains import Views
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from challenge.targets.sets import Samples, target_views, training_samples
from challenge.targets.target import Target
from challenge.util import cache

_PARTS: Final = ("x", "t", "points", "truth", "centres")


def practice_data(target: Target, samples: int, size: EvaluationSize) -> tuple[Samples, Views]:
    """Samples and views of one of the practice season's targets, from disk where they were made before."""

    def make() -> tuple[cache.Array, ...]:
        given, views = training_samples(PRACTICE, target, samples), target_views(PRACTICE, target, size)
        return given.x, given.t, views.points, views.truth, views.centres

    x, t, points, truth, centres = cache.cached_arrays(_path(target, samples, size), _PARTS, make)
    return Samples(x, t), Views(points, truth, centres)


def _path(target: Target, samples: int, size: EvaluationSize) -> Path:
    return cache.cache_path(
        f"target-{target.kind}-{samples}-{size.chains}x{size.octaves}x{size.points}",
        target,
        modules=["challenge.targets.sets", "challenge.targets.target"],
    )
