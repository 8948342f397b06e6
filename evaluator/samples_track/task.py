"""What an evaluation on the samples track works with: the submission's task, and a target's lesson."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache

from challenge.bundle.reader import NO_WEIGHTS, Bundle
from challenge.scoring.chains import Views
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE, Season
from challenge.scoring.tracks import BUDGETS, CPU
from challenge.targets import (
    KINDS,
    SAMPLES,
    SIZE,
    Samples,
    Target,
    draw_target,
    target_views,
    training_samples,
)
from challenge.targets.practice_cache import practice_data
from evaluator.plan import EvaluationPlan
from evaluator.samples_track.calibration import THREADS, machine_class
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session


@dataclass(frozen=True)
class SamplesTask:
    """What is judged, on what season, how thoroughly, and where.

    Attributes:
        samples: number of samples of each target.
        budgets: seconds for one target by machine class, on the machine that budgets are quoted for.
        seconds: for one target on this machine; None: the class's, times the machine's calibration.
        kinds: of targets.
    """

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    plan: EvaluationPlan = field(default_factory=EvaluationPlan.samples_track)
    samples: int = SAMPLES
    budgets: Mapping[str, float] = field(default_factory=lambda: dict(BUDGETS))
    seconds: float | None = None
    limits: Limits = field(default_factory=Limits.from_environment)
    device: str = "auto"
    kinds: tuple[str, ...] = tuple(KINDS)

    def start(self) -> AbstractContextManager[Session]:
        """A fresh sandbox with the submission's code, and without its weights."""
        files = self.bundle.sources | {"weights.safetensors": NO_WEIGHTS}
        limits = self.limits
        if machine_class(self.device) == CPU:
            limits = replace(limits, threads=min(THREADS, limits.threads))
        return self.sandbox.start(replace(self.bundle, files=files), limits=limits, device=self.device)


@dataclass(frozen=True)
class Lesson:
    """One target of a season, the samples that a submission gets, and the views that it is judged on."""

    target: Target
    samples: Samples
    views: Views


@lru_cache(maxsize=8)
def draw_lesson(season: Season, kind: str, samples: int = SAMPLES, size: EvaluationSize = SIZE) -> Lesson:
    """The season's target of one kind; cached, because a worker judges many submissions on it."""
    target = draw_target(season, kind)
    if season == PRACTICE:
        return Lesson(target, *practice_data(target, samples, size))
    return Lesson(target, training_samples(season, target, samples), target_views(season, target, size))
