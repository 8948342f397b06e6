"""Judge a submission on the open track, from its bundle to the report.

Truth, secret and metrics stay in this process; the sandbox gets coordinates and returns predictions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.weights import count_numbers
from challenge.results.report import UNJUDGED, Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.stages import Certificate, IntegrityFindings, Stage
from challenge.results.verdicts import Status
from challenge.scoring.evaluation_set import EvaluationSet, EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.practice import practice_set
from challenge.scoring.season import PRACTICE, Season
from evaluator import answers, probes
from evaluator.answers import Measured
from evaluator.assignment import Assignment
from evaluator.certificate import certificate_digest, find_certificate, make_certificate
from evaluator.crowding import Crowding
from evaluator.pictures import draw_pictures
from evaluator.probes import twin
from evaluator.verdict import explain_rejection, verdict
from evaluator.wall_limit import WallLimit
from evaluator.watch import Clock, Watch

Array = NDArray[np.float64]


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
        # Answers that this evaluation asked for itself need no comparison with its own figures.
        self._asked = False

    def octaves(self) -> Report:
        """Load, predict and measure; a report whose verdict is "unjudged".

        Raises:
            EvaluationError: it could not be judged; says why and whose fault it is. So do the other stages.
        """
        task = self._task
        self.watch.status(Status.PREDICTING, 0.0, "drawing the evaluation set")
        views = self._views()
        with self._stage(Stage.OCTAVES) as wall, self._clock.part("predicting"):
            self.measured = answers.predict(task, views, self.watch, wall)
        self._asked = True
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

        def make() -> Certificate:
            code, crowding = task.bundle.without_weights(), Crowding()
            with self._stage(Stage.CERTIFICATE) as wall, self._clock.part("refitting"):
                made = make_certificate(
                    lambda: crowding.noted(task.start(code, wall)),
                    task.season,
                    task.plan,
                    lambda done, what: self.watch.status(Status.REFITTING, 0.3 + 0.4 * done, what),
                )
            crowding.require_fair(passed=made.passed)
            return made

        digest = certificate_digest(task.bundle, task.season, task.plan, task.device)
        self._certificate = find_certificate(task.store, digest, make)
        return self._certificate

    def integrity(self) -> IntegrityFindings:
        """The probes that depend on the weights."""
        assert self._octaves is not None
        task, views = self._task, self._views()
        skill = np.array(self._octaves.skill_by_chain)
        with self._stage(Stage.INTEGRITY) as wall:
            if self.measured is None or not (self._asked or answers.agree(views, self.measured, skill)):
                with self._clock.part("predicting"):
                    self.measured = answers.predict_again(task, views, skill, self.watch, wall)
            crowding = Crowding()
            with self._clock.part("probing"):
                self._integrity = probes.run(
                    probe_case(task, views, self.measured, skill, wall, crowding),
                    lambda done, what: self.watch.status(Status.PROBING, 0.7 + 0.2 * done, what),
                    [name for name in task.plan.probes if name != twin.NAME],
                )
        crowding.require_fair(passed=all(one.passed for one in self._integrity.probes))
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


def probe_case(
    task: Assignment,
    views: EvaluationSet,
    measured: Measured,
    skill: Array,
    wall: WallLimit | None = None,
    crowding: Crowding | None = None,
) -> probes.Case:
    """What the probes of a submission work with.

    Args:
        task: the submission.
        views: the season's evaluation set.
        measured: the submission's answers there.
        skill: (chains, octaves) of those answers.
        wall: ends the probes' sandboxes.
        crowding: adds up how long their fits were kept waiting.
    """
    limit = wall or WallLimit("All probes together", task.limits.stage_seconds)
    noted = crowding or Crowding()
    return probes.Case(
        bundle=task.bundle,
        season=task.season,
        start=lambda bundle: noted.noted(task.start(bundle, limit)),
        views=views,
        prediction=measured.prediction,
        batch_difference=measured.batch_difference,
        skill=skill,
        loaded=measured.loaded,
        effort=task.plan.effort,
        front=task.front,
    )
