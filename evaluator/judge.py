"""Judge a submission on the open track, from its bundle to the report.

Truth, secret and metrics stay in this process; the sandbox gets coordinates and returns predictions.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.reader import Bundle
from challenge.bundle.weights import count_numbers
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.frame_suggestion import FrameSuggestion
from challenge.results.report import UNJUDGED, Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.stages import Certificate, IntegrityFindings, Stage
from challenge.results.verdicts import EvaluationError, Reason, Status
from challenge.scoring.evaluation_set import EvaluationSet, EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.practice import practice_set
from challenge.scoring.season import PRACTICE, Season
from evaluator import probes
from evaluator.certificate import (
    CertificateStore,
    NoStore,
    certificate_digest,
    make_certificate,
)
from evaluator.frame_search import find_frame
from evaluator.parallel import AT_ONCE, run_parallel
from evaluator.pictures import draw_pictures
from evaluator.plan import EvaluationPlan
from evaluator.probes import consistency, twin
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session
from evaluator.verdict import explain_rejection, verdict
from evaluator.wall_limit import WallLimit
from evaluator.watch import Clock, Watch

Array = NDArray[np.float64]

# The points are shared out to so many, on machines with fewer cores as well: figures do not depend on it.
PREDICTING_SANDBOXES: Final = 2


@dataclass(frozen=True)
class Assignment:
    """What is judged, on what season, how thoroughly, and where.

    Every sandbox has one thread: small networks gain nothing from a second one, figures do not depend on the
    number of cores, and several run at the same time. All of them get the same limits.

    Attributes:
        store: where certificates are kept.
        front: bytes and octaves of what was learned while somebody watched, besides the references.
    """

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    plan: EvaluationPlan = field(default_factory=EvaluationPlan.open_track)
    limits: Limits = field(default_factory=Limits.from_environment)
    device: str = "auto"
    store: CertificateStore = field(default_factory=NoStore)
    front: probes.Front = ()

    def start(self, bundle: Bundle, wall: WallLimit) -> AbstractContextManager[Session]:
        """A fresh sandbox with one thread."""
        limits = wall.apply(self.limits.in_one_thread())
        return self.sandbox.start(bundle, limits=limits, device=self.device)


@dataclass(frozen=True)
class Measured:
    """What a model answered on the evaluation set.

    Attributes:
        prediction: (chains, octaves, points).
        loaded: numbers in the state dict that the weights were loaded into, as the sandbox reports it.
        batch_difference: largest difference when points came in other batches, in the same sandbox.
        per_second: points per second.
        device: that it ran on.
        suggestion: a frame in which it would do better, where it does badly.
    """

    prediction: Array
    loaded: int
    batch_difference: float
    per_second: float
    device: str
    suggestion: FrameSuggestion | None = None


@lru_cache(maxsize=2)
def _evaluation_set(season: Season, size: EvaluationSize) -> EvaluationSet:
    # Cached because a worker judges many submissions of a season. Only the public season is kept on disk.
    return practice_set(size) if season == PRACTICE else evaluation_set(season, size)


class Evaluation:
    """One evaluation on the open track, stage by stage.

    A stage that was done before, in this process or in another, is not done again: what it found is given as
    one of the last arguments.

    Args:
        task: what is judged.
        watch: receives progress, pictures and evidence.
        octaves: what the stage of that name found.
        certificate: the same.
        integrity: the same.
        measured: the answers of the first stage, where this process has kept them.
    """

    def __init__(
        self,
        task: Assignment,
        watch: Watch,
        octaves: Report | None = None,
        certificate: Certificate | None = None,
        integrity: IntegrityFindings | None = None,
        measured: Measured | None = None,
    ) -> None:
        self._task = task
        self.watch = watch
        self._clock = Clock()
        self._whole = WallLimit("All stages together", task.limits.evaluation_seconds)
        self._octaves = octaves
        self._certificate = certificate
        self._integrity = integrity
        self.measured = measured

    def octaves(self) -> Report:
        """Load, predict and measure; a report whose verdict is "unjudged".

        Raises:
            EvaluationError: it could not be judged; says why and whose fault it is. So do the other stages.
        """
        task = self._task
        self.watch.status(Status.PREDICTING, 0.0, "drawing the evaluation set")
        views = self._views()
        with self._stage(Stage.OCTAVES) as wall, self._clock.part("predicting"):
            self.measured = predict(task, views, self.watch, wall)
        scores = measure(views.truth, self.measured.prediction)
        self._octaves = Report(
            season=task.season.name,
            commitment=task.season.commitment,
            **scores.figures(),
            universality=None,
            integrity=None,
            parameters=count_numbers(task.bundle.weights),
            bytes=task.bundle.size,
            weight_class=task.bundle.weight_class,
            predictions_per_second=self.measured.per_second,
            device=self.measured.device,
            sandbox=task.sandbox.name,
            confinement=task.sandbox.describe(task.limits),
            suggestion=self.measured.suggestion,
            verdict=UNJUDGED,
            sentence="",
            seconds=self._clock.seconds,
            timings=dict(self._clock.parts),
        )
        return self._octaves

    def certificate(self) -> Certificate:
        """The certificate of the code: one that is kept, or else a new one."""
        task = self._task
        digest = certificate_digest(task.bundle, task.season, task.plan, task.device)
        found = task.store.find(digest)
        if found is None:
            code = task.bundle.without_weights()
            with self._stage(Stage.CERTIFICATE) as wall, self._clock.part("refitting"):
                found = make_certificate(
                    lambda: task.start(code, wall),
                    task.season,
                    task.plan,
                    lambda done, what: self.watch.status(Status.REFITTING, 0.3 + 0.4 * done, what),
                )
            task.store.keep(digest, found)
        self._certificate = found
        return found

    def integrity(self) -> IntegrityFindings:
        """The probes that depend on the weights."""
        assert self._octaves is not None
        task, views = self._task, self._views()
        skill = np.array(self._octaves.skill_by_chain)
        with self._stage(Stage.INTEGRITY) as wall:
            if self.measured is None or not _agree(views, self.measured, skill):
                with self._clock.part("predicting"):
                    self.measured = _predict_again(task, views, skill, self.watch, wall)
            with self._clock.part("probing"):
                self._integrity = probes.run(
                    probe_case(task, views, self.measured, skill, wall),
                    lambda done, what: self.watch.status(Status.PROBING, 0.7 + 0.2 * done, what),
                    [name for name in task.plan.probes if name != twin.NAME],
                )
        return self._integrity

    def pictures(self) -> None:
        """Draw the public places, and hand over the pictures and the evidence."""
        assert self._octaves is not None
        task = self._task
        if task.plan.pictures:
            with self._stage(Stage.PICTURES) as wall, self._clock.part("rendering"):
                draw_pictures(
                    lambda: task.start(task.bundle, wall), task.plan.places, self._octaves.depth, self.watch
                )
        if self._certificate is not None and self._integrity is not None:
            plots = {plot.probe: plot for plot in (*self._certificate.plots, *self._integrity.plots)}
            shown = tuple(plots[name] for name in task.plan.probes if name in plots)
            self.watch.evidence(ResultVisuals(controls=self._certificate.controls, plots=shown))

    def report(self) -> Report:
        """Put together what the stages found, with the verdict; "unjudged" after the first stage alone."""
        octaves, certificate, integrity = self._octaves, self._certificate, self._integrity
        assert octaves is not None
        if certificate is None or integrity is None:
            return octaves
        found = {probe.name: probe for probe in (*certificate.probes, *integrity.probes)}
        summary = probes.summarise([found[name] for name in self._task.plan.probes if name in found])
        timings = octaves.timings | self._clock.parts
        return replace(
            octaves,
            universality=certificate.universality,
            integrity=summary,
            verdict=verdict(certificate.universality, summary).value,
            sentence=explain_rejection(certificate.universality, summary),
            certificate_from=certificate.evaluation_id,
            seconds=sum(timings.values()),
            timings=timings,
        )

    def _views(self) -> EvaluationSet:
        with self._clock.part("evaluation set"):
            return _evaluation_set(self._task.season, self._task.plan.size)

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[WallLimit]:
        wall = WallLimit(f"The stage {stage}", self._task.limits.stage_seconds).within(self._whole)
        with wall.enforced():
            yield wall


def judge(task: Assignment, watch: Watch) -> Report:
    """Judge a submission: all stages, or the first alone where the plan is quick.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    evaluation = Evaluation(task, watch)
    evaluation.octaves()
    if not task.plan.quick:
        evaluation.certificate()
        evaluation.integrity()
        evaluation.pictures()
    return evaluation.report()


def predict(task: Assignment, views: EvaluationSet, watch: Watch, wall: WallLimit | None = None) -> Measured:
    """Ask for the points of all views in one random order, and for some of them again in other batches.

    Each sandbox gets its part of that order.

    Raises:
        EvaluationError: the model does not load or does not answer.
    """
    unit = to_unit(views.points.reshape(-1, 2))
    order = task.season.generator("order").permutation(len(unit))
    wall = wall or WallLimit("Predicting", task.limits.stage_seconds)
    watch.status(Status.PREDICTING, 0.05, f"predicting {len(unit):,} points")
    jobs = [
        partial(_predict_part, task, unit[rows], wall, first=part == 0)
        for part, rows in enumerate(np.array_split(order, PREDICTING_SANDBOXES))
    ]
    parts = list(run_parallel(jobs, min(AT_ONCE, len(jobs))))
    answers = np.concatenate([part.answers for part in parts])
    if not np.isfinite(answers).any():
        raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
    values = np.empty_like(answers)
    values[order] = answers
    return Measured(
        prediction=values.reshape(views.truth.shape),
        loaded=parts[0].loaded,
        batch_difference=parts[0].batch_difference,
        per_second=len(unit) / sum(part.seconds for part in parts),
        device=parts[0].device,
        suggestion=parts[-1].suggestion,
    )


@dataclass(frozen=True)
class _Part:
    """What one sandbox answered: (n,), in so many seconds; the rest as in `Measured`."""

    answers: Array
    seconds: float
    loaded: int
    device: str
    batch_difference: float = 0.0
    suggestion: FrameSuggestion | None = None


def _predict_part(task: Assignment, sent: Array, wall: WallLimit, *, first: bool) -> _Part:
    """Ask for unit points (n, 2) in a fresh sandbox.

    The first one is asked for some points again, another one in other frames: both take about as long.
    """
    with task.start(task.bundle, wall) as session:
        loaded = session.load()
        began = time.perf_counter()
        answers = session.predict(sent)[:, 0]
        part = _Part(answers, time.perf_counter() - began, loaded, session.device)
        if first:
            return replace(part, batch_difference=consistency.in_batches(session, task.season, sent, answers))
        return replace(part, suggestion=_suggest_frame(session))


def _suggest_frame(session: Session) -> FrameSuggestion | None:
    """Why it resolves so little, if it does. A failure here is not held against the model."""
    try:
        return find_frame(lambda x: session.predict(x)[:, 0])
    except EvaluationError:
        return None


def _predict_again(
    task: Assignment, views: EvaluationSet, skill: Array, watch: Watch, wall: WallLimit
) -> Measured:
    """Predict once more, where another process did the first stage; both have to agree.

    Args:
        task: the submission.
        views: the season's evaluation set.
        skill: (chains, octaves) that the first stage found.
        watch: receives progress.
        wall: ends the sandbox.
    """
    measured = predict(task, views, watch, wall)
    difference = float(np.abs(_skill(views, measured) - skill).max())
    return replace(measured, batch_difference=max(measured.batch_difference, difference))


def _agree(views: EvaluationSet, measured: Measured, skill: Array) -> bool:
    """Whether these answers are those that the skill (chains, octaves) was measured on."""
    return bool(np.allclose(_skill(views, measured), skill, rtol=0, atol=1e-9))


def _skill(views: EvaluationSet, measured: Measured) -> Array:
    return measure(views.truth, measured.prediction).skill_by_chain


def probe_case(
    task: Assignment,
    views: EvaluationSet,
    measured: Measured,
    skill: Array,
    wall: WallLimit | None = None,
) -> probes.Case:
    """What the probes of a submission work with.

    Args:
        task: the submission.
        views: the season's evaluation set.
        measured: the submission's answers there.
        skill: (chains, octaves) of those answers.
        wall: ends the probes' sandboxes.
    """
    limit = wall or WallLimit("All probes together", task.limits.stage_seconds)
    return probes.Case(
        bundle=task.bundle,
        season=task.season,
        start=lambda bundle: task.start(bundle, limit),
        views=views,
        prediction=measured.prediction,
        batch_difference=measured.batch_difference,
        skill=skill,
        loaded=measured.loaded,
        effort=task.plan.effort,
        front=task.front,
    )
