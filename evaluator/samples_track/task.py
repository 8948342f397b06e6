"""What an evaluation on the samples track works with: the submission's task, and a target's data."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from challenge.bundle.reader import Bundle
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
from evaluator.calibration import THREADS, machine_class
from evaluator.certificate import CertificateStore, NoStore
from evaluator.plan import EvaluationPlan
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session
from evaluator.wall_limit import WallLimit

# Processor time of a sandbox that predicts: to start and load, and a share of the fit's budget.
PREDICTION_CPU_SECONDS: Final = 15.0
PREDICTION_SHARE: Final = 0.05


@dataclass(frozen=True)
class SamplesTask:
    """What is judged, on what season, how thoroughly, and where.

    Attributes:
        samples: number of samples of each target.
        budgets: seconds for one target by machine class, on the machine that budgets are quoted for.
        seconds: for one target on this machine; None: the class's, times the machine's calibration.
        kinds: of targets.
        store: where certificates are kept.
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
    store: CertificateStore = field(default_factory=NoStore)

    def start_fit(self, seconds: float, wall: WallLimit) -> AbstractContextManager[Session]:
        """A fresh sandbox to fit in: the submission's code without its weights.

        Args:
            seconds: of the budget, which importing and building use as well.
            wall: ends the sandbox.
        """
        return self._start(wall, load_seconds=min(self.limits.load_seconds, seconds))

    def start_prediction(self, seconds: float, wall: WallLimit) -> AbstractContextManager[Session]:
        """A fresh sandbox to predict in from a checkpoint, with little processor time.

        There is enough to load and to predict, and too little to go on learning.

        Args:
            seconds: of the budget of the fit.
            wall: ends the sandbox.
        """
        cpu = PREDICTION_CPU_SECONDS + PREDICTION_SHARE * seconds * self._threads
        return self._start(wall, cpu_seconds=min(self.limits.cpu_seconds, math.ceil(cpu)))

    def start_control(self, wall: WallLimit) -> AbstractContextManager[Session]:
        """A fresh sandbox with one thread, to fit a control in: as on the open track."""
        return self.sandbox.start(
            self.bundle.without_weights(),
            limits=wall.apply(self.limits.in_one_thread()),
            device=self.device,
        )

    @property
    def _threads(self) -> int:
        threads = self.limits.threads
        return min(THREADS, threads) if machine_class(self.device) == CPU else threads

    def _start(self, wall: WallLimit, **limits: Any) -> AbstractContextManager[Session]:
        changed = replace(self.limits, **{"threads": self._threads, **limits})
        return self.sandbox.start(
            self.bundle.without_weights(), limits=wall.apply(changed), device=self.device
        )


@dataclass(frozen=True)
class TargetData:
    """One target of a season, the samples that a submission gets, and the views that it is judged on."""

    target: Target
    samples: Samples
    views: Views


@lru_cache(maxsize=8)
def draw_target_data(
    season: Season, kind: str, samples: int = SAMPLES, size: EvaluationSize = SIZE
) -> TargetData:
    """The season's target of one kind; cached, because a worker judges many submissions on it."""
    target = draw_target(season, kind)
    if season == PRACTICE:
        return TargetData(target, *practice_data(target, samples, size))
    return TargetData(target, training_samples(season, target, samples), target_views(season, target, size))
