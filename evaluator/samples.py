"""The samples track: a submission learns secret targets from random samples, while the judge watches.

The only knowledge of a target that a sandbox gets are the samples. Weights that a bundle brings stay outside:
what is judged was learned here, from scratch, in the time that everybody has.
"""

import math
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.bundle import NO_WEIGHTS, Bundle
from challenge.chains import Views
from challenge.controls import FAMILIES
from challenge.evaluation import EvaluationSize
from challenge.metrics import SMALLEST_MSE, Scores, depth, interval, measure
from challenge.pictures import error_image, model_image, png_bytes
from challenge.report import UNJUDGED, Universality
from challenge.samples_report import Calibration, SamplesReport, TargetResult
from challenge.season import PRACTICE, Season
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
from challenge.targets.kept import practice_lesson
from challenge.training import Budget
from challenge.verdicts import EvaluationError, Fault, Reason, Status
from evaluator import universality
from evaluator.judge import Watch
from evaluator.limits import Limits
from evaluator.samples_calibration import CPU, SECONDS, THREADS, calibrate, machine_class
from evaluator.samples_journal import Journal
from evaluator.sandbox import Sandbox
from evaluator.session import Session

Array = NDArray[np.float64]

PICTURE_PIXELS: Final = 128
SEED: Final = 0
# A fit that ends like this is judged on its last checkpoint.
ENDED: Final = {
    Reason.TIME_EXCEEDED: "killed",
    Reason.FIT_FAILED: "failed",
    Reason.MEMORY_EXCEEDED: "failed",
    Reason.EXITED: "failed",
}


@dataclass(frozen=True)
class SamplesTask:
    """What is judged, on what, and where.

    Attributes:
        samples: of each target.
        seconds: budget of one target; None: that of the machine's class, times its calibration.
        kinds: which targets.
        quick: octaves only, no controls.
    """

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    size: EvaluationSize = SIZE
    samples: int = SAMPLES
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
        return Lesson(target, *practice_lesson(target, samples, size))
    return Lesson(target, training_samples(season, target, samples), target_views(season, target, size))


def judge_samples(task: SamplesTask, watch: Watch) -> SamplesReport:
    """Judge a submission on the samples track.

    The film's pictures are named "samples/1/film/03.png", and there are "samples/1/truth.png" and
    ".../error.png"; while the season's secret is kept, they must not be shown to anybody.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    began = time.perf_counter()
    timings: dict[str, float] = {}
    watch.status(Status.VALIDATING, 0.0, "measuring the machine")
    machine = calibrate(machine_class(task.device))
    seconds = SECONDS[machine.machine] * machine.factor if task.seconds is None else task.seconds
    learned = []
    for index, kind in enumerate(task.kinds):
        watch.status(Status.REFITTING, index / len(task.kinds), f"drawing target {index + 1}")
        started = time.perf_counter()
        what = lesson(task.season, kind, task.samples, task.size)
        timings["drawing"] = timings.get("drawing", 0.0) + time.perf_counter() - started
        started = time.perf_counter()
        learned.append(_Learner(task, watch, what, seconds, index).learn())
        timings[f"target {index + 1}"] = time.perf_counter() - started
    certificate = None
    if not task.quick:
        started = time.perf_counter()
        certificate = universality.certify(
            task.start,
            task.season,
            lambda done, what: watch.status(Status.REFITTING, 0.95 + 0.05 * done, what),
            families=FAMILIES if task.size == SIZE else universality.SMALL,
        ).result
        timings["universality"] = time.perf_counter() - started
    return _report(task, learned, machine, certificate, time.perf_counter() - began, timings)


@dataclass(frozen=True)
class _Learned:
    result: TargetResult
    numbers: int
    per_second: float
    device: str


@dataclass(frozen=True)
class _Learner:
    """One submission in front of one target."""

    task: SamplesTask
    watch: Watch
    lesson: Lesson
    seconds: float
    index: int

    def learn(self) -> _Learned:
        """Fit, measure, and draw what was learned."""
        journal = Journal(self.seconds, self._tell)
        reason, used = None, 0.0
        with self.task.start() as session:
            try:
                session.build(2, 1, SEED)
                began = time.monotonic()
                used = self._fit(session, journal)
            except EvaluationError as error:
                if error.reason not in ENDED or journal.last is None:
                    raise self._named(error) from error
                reason, used = error.reason, time.monotonic() - began
            else:
                return self._judged(session, journal, None, used)
        with self.task.start() as session:
            assert journal.last is not None
            session.load(journal.last)
            return self._judged(session, journal, reason, used)

    def _fit(self, session: Session, journal: Journal) -> float:
        samples = self.lesson.samples
        return session.fit(samples.x, samples.t[:, None], Budget(seconds=self.seconds), SEED, journal)

    def _named(self, error: EvaluationError) -> EvaluationError:
        if error.fault is Fault.PLATFORM:
            return error
        which = f"(On target {self.index + 1} of the samples track, and no checkpoint was left.)"
        return EvaluationError(error.reason, f"{error.detail} {which}".strip(), error.private)

    def _judged(self, session: Session, journal: Journal, reason: Reason | None, used: float) -> _Learned:
        views = self.lesson.views
        unit = views.points.reshape(-1, 2)
        order = self.task.season.generator("target", self.lesson.target.kind, "order").permutation(len(unit))
        self._say("predicting", 0.97)
        began = time.perf_counter()
        answered = session.predict(unit[order])[:, 0]
        per_second = len(unit) / (time.perf_counter() - began)
        if not np.isfinite(answered).any():
            raise self._named(EvaluationError(Reason.OUTPUT_NOT_FINITE))
        prediction = np.empty_like(answered)
        prediction[order] = answered
        scores = measure(views.truth, prediction.reshape(views.truth.shape))
        judged_on = used if reason is None else journal.last_seconds
        film = self._draw(session, journal, judged_on) if self.task.pictures else ()
        # What a submission itself says of a secret target stays here, rather than reach its author.
        public = self.task.season == PRACTICE
        result = TargetResult(
            kind=self.lesson.target.kind,
            name=self.lesson.target.name if public else "",
            octaves=scores.octaves,
            interval=scores.interval,
            depth=scores.depth,
            precision_db=scores.precision_db,
            skill=tuple(scores.skill.tolist()),
            skill_by_chain=tuple(tuple(row) for row in scores.skill_by_chain.tolist()),
            seconds=used,
            ended=ENDED[reason] if reason else "returned",
            reason=reason.value if reason else "",
            judged_on=judged_on,
            checkpoints=journal.checkpoints,
            losses=tuple(journal.losses) if public else (),
            film=film,
        )
        return _Learned(result, session.numbers, per_second, session.device)

    def _draw(self, session: Session, journal: Journal, judged_on: float) -> tuple[float, ...]:
        """The film: frames from checkpoints, loaded into one more sandbox; the judged state's is the last."""
        self._say("drawing", 0.98)
        unit = grid(PICTURE_PIXELS)
        truth = self.lesson.target.values(unit)
        final = session.predict(unit)[:, 0]
        frames: list[tuple[float, Array]] = []
        if journal.film:
            with self.task.start() as other:
                for seconds, state in journal.film:
                    if seconds < judged_on:
                        other.load(state)
                        frames.append((seconds, other.predict(unit)[:, 0]))
        frames.append((judged_on, final))
        name = f"samples/{self.index + 1}"
        for number, (_, prediction) in enumerate(frames):
            self.watch.picture(f"{name}/film/{number:02}.png", png_bytes(model_image(truth, prediction)))
        self.watch.picture(f"{name}/truth.png", png_bytes(model_image(truth, truth)))
        self.watch.picture(f"{name}/error.png", png_bytes(error_image(truth, final)))
        return tuple(seconds for seconds, _ in frames)

    def _tell(self, seconds: float, loss: float) -> None:
        said = "" if math.isnan(loss) or self.task.season != PRACTICE else f", loss {loss:.3g}"
        self._say(f"{seconds:.0f} of {self.seconds:.0f} s{said}", 0.95 * min(1.0, seconds / self.seconds))

    def _say(self, what: str, done: float) -> None:
        count = len(self.task.kinds)
        share = 0.95 * (self.index + done) / count
        self.watch.status(Status.REFITTING, share, f"target {self.index + 1} of {count}: {what}")


def grid(pixels: int) -> Array:
    """Unit points of a picture of the whole square, row by row from the top left: (pixels^2, 2)."""
    side = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    across, up = np.meshgrid(side, -side)
    return np.stack([across.ravel(), up.ravel()], axis=1)


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
    learned: list[_Learned],
    machine: Calibration,
    certificate: Universality | None,
    seconds: float,
    timings: dict[str, float],
) -> SamplesReport:
    results = [one.result for one in learned]
    scores = mean_scores(
        (np.array(one.skill_by_chain) for one in results), (one.precision_db for one in results)
    )
    verdict = Status.SCORED if certificate is None or certificate.passed else Status.REJECTED
    failed = [one.name for one in certificate.controls if not one.passed] if certificate else []
    return SamplesReport(
        season=task.season.name,
        commitment=task.season.commitment,
        octaves=scores.octaves,
        interval=scores.interval,
        depth=scores.depth,
        precision_db=scores.precision_db,
        skill=tuple(scores.skill.tolist()),
        skill_by_chain=tuple(tuple(row) for row in scores.skill_by_chain.tolist()),
        targets=tuple(results),
        samples=task.samples,
        budget_seconds=SECONDS[machine.machine] if task.seconds is None else task.seconds / machine.factor,
        calibration=machine,
        universality=certificate,
        parameters=learned[0].numbers,
        bytes=sum(map(len, task.bundle.sources.values())),
        predictions_per_second=float(np.mean([one.per_second for one in learned])),
        device=learned[0].device,
        sandbox=task.sandbox.name,
        verdict=UNJUDGED if task.quick else verdict.value,
        sentence=f"It did not learn {', '.join(failed)}." if failed else "",
        seconds=seconds,
        timings=timings,
    )
