"""The samples track: a submission learns secret targets from random samples, while the judge watches.

The only knowledge of a target that a sandbox gets are the samples. Weights that a bundle brings stay outside:
what is judged was learned here, from scratch, in the time that everybody has.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.reader import NO_WEIGHTS, Bundle
from challenge.controls import FAMILIES
from challenge.results.report import UNJUDGED, Universality
from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import Calibration, SamplesReport
from challenge.results.verdicts import Status
from challenge.scoring.chains import Views
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.metrics import SMALLEST_MSE, Scores, depth, interval
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
from evaluator import judge, universality
from evaluator.judge import Watch
from evaluator.samples_track.calibration import THREADS, calibrate, machine_class
from evaluator.samples_track.target_run import Learned, Learner
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SamplesTask:
    """What is judged, on what, and where.

    Attributes:
        samples: of each target.
        budgets: seconds for one target by class of machine, on the machine that budgets are quoted for.
        seconds: for one target, here; None: the class's, times the machine's calibration.
        kinds: which targets.
        quick: octaves only, no controls.
    """

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    size: EvaluationSize = SIZE
    samples: int = SAMPLES
    budgets: Mapping[str, float] = field(default_factory=lambda: dict(BUDGETS))
    seconds: float | None = None
    limits: Limits = field(default_factory=Limits.from_environment)
    device: str = "auto"
    kinds: tuple[str, ...] = tuple(KINDS)
    quick: bool = False
    pictures: bool = True

    def start(self) -> AbstractContextManager[Session]:
        """A fresh sandbox with the submission's code, and without its weights."""
        files = self.bundle.sources | {"weights.safetensors": NO_WEIGHTS}
        limits = self.limits
        if machine_class(self.device) == CPU:
            limits = replace(limits, threads=min(THREADS, limits.threads))
        return self.sandbox.start(replace(self.bundle, files=files), limits=limits, device=self.device)


@dataclass(frozen=True)
class Lesson:
    """One target of a season, what is given of it, and what is asked."""

    target: Target
    samples: Samples
    views: Views


@lru_cache(maxsize=8)
def lesson(season: Season, kind: str, samples: int = SAMPLES, size: EvaluationSize = SIZE) -> Lesson:
    """The season's target of one kind; a worker judges many submissions on it."""
    target = draw_target(season, kind)
    if season == PRACTICE:
        return Lesson(target, *practice_data(target, samples, size))
    return Lesson(target, training_samples(season, target, samples), target_views(season, target, size))


def judge_samples(task: SamplesTask, watch: Watch) -> SamplesReport:
    """Judge a submission on the samples track.

    The film's pictures are named "samples/1/film-03.png", and there are "samples/1/truth.png" and
    ".../error.png"; the losses that it reported are plots of the evidence. While the season's secret is kept,
    neither must be shown to anybody.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    began = time.perf_counter()
    timings: dict[str, float] = {}
    watch.status(Status.VALIDATING, 0.0, "measuring the machine")
    machine = calibrate(machine_class(task.device))
    seconds = task.budgets[machine.machine] * machine.factor if task.seconds is None else task.seconds
    learned = []
    for index, kind in enumerate(task.kinds):
        watch.status(Status.REFITTING, index / len(task.kinds), f"drawing target {index + 1}")
        started = time.perf_counter()
        what = lesson(task.season, kind, task.samples, task.size)
        timings["drawing"] = timings.get("drawing", 0.0) + time.perf_counter() - started
        started = time.perf_counter()
        learned.append(Learner(task, watch, what, seconds, index).learn())
        timings[f"target {index + 1}"] = time.perf_counter() - started
    certified: universality.Certified | None = None
    if not task.quick:
        started = time.perf_counter()
        certified = universality.certify(
            task.start,
            task.season,
            lambda done, what: watch.status(Status.REFITTING, 0.95 + 0.05 * done, what),
            families=FAMILIES if task.size == SIZE else universality.SMALL,
        )
        timings["universality"] = time.perf_counter() - started
    plots = tuple(one.losses for one in learned if one.losses is not None)
    watch.evidence(ResultVisuals(controls=certified.shown if certified else (), plots=plots))
    certificate = certified.result if certified else None
    return _report(task, learned, machine, certificate, time.perf_counter() - began, timings)


def mean_scores(by_chain: Iterable[Array], precision: Iterable[float]) -> Scores:
    """Scores of the mean over targets: (chains, octaves) skills of each, and their precision in dB."""
    mean = np.mean(list(by_chain), axis=0)
    mse = float(np.mean([10 ** (-db / 10) for db in precision]))
    return Scores(
        skill_by_chain=mean,
        skill=mean.mean(axis=0),
        octaves=float(mean.mean(axis=0).sum()),
        interval=interval(mean.sum(axis=1)),
        depth=depth(mean.mean(axis=0)),
        precision_db=float(-10 * np.log10(max(mse, SMALLEST_MSE))),
    )


def _report(
    task: SamplesTask,
    learned: list[Learned],
    machine: Calibration,
    certificate: Universality | None,
    seconds: float,
    timings: dict[str, float],
) -> SamplesReport:
    results = [one.result for one in learned]
    scores = mean_scores(
        (np.array(one.skill_by_chain) for one in results), (one.precision_db for one in results)
    )
    budget = task.budgets[machine.machine] if task.seconds is None else task.seconds / machine.factor
    return SamplesReport(
        season=task.season.name,
        commitment=task.season.commitment,
        **scores.figures(),
        targets=tuple(results),
        samples=task.samples,
        budget_seconds=budget,
        calibration=machine,
        universality=certificate,
        parameters=learned[0].numbers,
        bytes=sum(map(len, task.bundle.sources.values())),
        predictions_per_second=float(np.mean([one.per_second for one in learned])),
        device=learned[0].device,
        sandbox=task.sandbox.name,
        confinement=task.sandbox.describe(task.limits),
        verdict=UNJUDGED if task.quick else judge.verdict(certificate, None).value,
        sentence=judge.sentence(certificate, None),
        seconds=seconds,
        timings=timings,
    )
