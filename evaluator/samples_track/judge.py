"""Judge a submission on the samples track: it learns secret targets from random samples under supervision.

All that a sandbox gets of a target are the samples. The weights of the bundle are left out: what is judged
was learned here, from scratch, in the time that everybody gets.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from challenge.results.report import UNJUDGED
from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import SamplesReport
from challenge.results.stages import Certificate, TargetFindings
from challenge.results.verdicts import Status
from challenge.scoring.metrics import SMALLEST_MSE, Scores, depth, interval
from evaluator.calibration import calibrate, machine_class
from evaluator.certificate import certificate_digest, find_certificate, make_certificate
from evaluator.crowding import Crowding
from evaluator.samples_track.target_run import TargetRun
from evaluator.samples_track.task import SamplesTask, draw_target_data
from evaluator.sandbox.session import FIT_GRACE
from evaluator.verdict import explain_rejection, verdict
from evaluator.wall_limit import WallLimit
from evaluator.watch import Clock, Watch

Array = NDArray[np.float64]


class SamplesEvaluation:
    """One evaluation on the samples track: a stage for each target, then the certificate.

    Frames of the training film are named "samples/1/film-03.png"; there are "samples/1/truth.png" and
    ".../error.png" as well. The losses that a submission reported are plots of the evidence. As long as the
    season's secret is kept, neither may be shown to anybody.

    Args:
        task: what is judged.
        watch: receives progress, pictures and evidence.
        found: targets, by index, that were learned before, in this process or in another. Those of another
            class of machine are learned again.
        certificate: what the stage of that name found before.
    """

    def __init__(
        self,
        task: SamplesTask,
        watch: Watch,
        found: Mapping[int, TargetFindings] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self._task = task
        self._watch = watch
        self._clock = Clock()
        self._certificate = certificate
        watch.status(Status.VALIDATING, 0.0, "measuring the machine")
        self._calibration = calibrate(machine_class(task.device))
        machine = self._calibration.machine
        self._found = {
            index: one for index, one in (found or {}).items() if one.calibration.machine == machine
        }
        self._seconds = (
            task.budgets[machine] * self._calibration.factor if task.seconds is None else task.seconds
        )
        self._wall = WallLimit(
            "The evaluation",
            task.limits.evaluation_seconds + FIT_GRACE * self._seconds * len(task.kinds),
        )

    @property
    def missing(self) -> list[int]:
        """Targets that are still to be learned."""
        return [index for index in range(len(self._task.kinds)) if index not in self._found]

    def target(self, index: int) -> TargetFindings:
        """Learn a target, predict, measure and draw.

        Raises:
            EvaluationError: it could not be judged; says why and whose fault it is. So does `certificate`.
        """
        task, count = self._task, len(self._task.kinds)
        self._watch.status(Status.REFITTING, index / count, f"drawing target {index + 1}")
        with self._clock.part("drawing"):
            data = draw_target_data(task.season, task.kinds[index], task.samples, task.plan.size)
        run = TargetRun(task, self._watch, data, self._seconds, self._calibration, index, self._wall)
        self._found[index] = run.learn()
        return self._found[index]

    def certificate(self) -> Certificate:
        """The certificate of the code: one that is kept, or else a new one."""
        task = self._task

        def make() -> Certificate:
            crowding = Crowding()
            with self._clock.part("universality"), self._wall.enforced():
                made = make_certificate(
                    lambda: crowding.noted(task.start_control(self._wall)),
                    task.season,
                    task.plan,
                    lambda done, what: self._watch.status(Status.REFITTING, 0.95 + 0.05 * done, what),
                )
            crowding.require_fair(passed=made.passed)
            return made

        digest = certificate_digest(task.bundle, task.season, task.plan, task.device)
        self._certificate = find_certificate(task.store, digest, make)
        return self._certificate

    def report(self) -> SamplesReport:
        """Put together what was found, with the verdict, and hand over the evidence."""
        task = self._task
        found = [self._found[index] for index in range(len(task.kinds))]
        plots = tuple(one.losses for one in found if one.losses is not None)
        controls = self._certificate.controls if self._certificate else ()
        self._watch.evidence(ResultVisuals(controls=controls, plots=plots))
        timings = {f"target {index}": one.took for index, one in enumerate(found, 1)} | self._clock.parts
        return _report(task, found, self._certificate, timings)


def judge_samples(task: SamplesTask, watch: Watch) -> SamplesReport:
    """Judge a submission on the samples track; no certificate where the plan is quick.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    evaluation = SamplesEvaluation(task, watch)
    for index in evaluation.missing:
        evaluation.target(index)
    if not task.plan.quick:
        evaluation.certificate()
    return evaluation.report()


def mean_scores(by_chain: Iterable[Array], precision: Iterable[float]) -> Scores:
    """Mean scores over targets.

    Args:
        by_chain: of each target, (chains, octaves) skills.
        precision: of each target, in dB; the mean is taken over mean squared errors.
    """
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
    found: list[TargetFindings],
    certificate: Certificate | None,
    timings: dict[str, float],
) -> SamplesReport:
    results = [one.result for one in found]
    scores = mean_scores(
        (np.array(one.skill_by_chain) for one in results), (one.precision_db for one in results)
    )
    # Of the first target, where another machine of the class went on.
    calibration = found[0].calibration
    budget = task.budgets[calibration.machine] if task.seconds is None else task.seconds / calibration.factor
    universality = certificate.universality if certificate else None
    return SamplesReport(
        season=task.season.name,
        commitment=task.season.commitment,
        **scores.figures(),
        targets=tuple(results),
        samples=task.samples,
        budget_seconds=budget,
        calibration=calibration,
        universality=universality,
        parameters=found[0].numbers,
        bytes=sum(map(len, task.bundle.sources.values())),
        predictions_per_second=float(np.mean([one.per_second for one in found])),
        device=found[0].device,
        sandbox=task.sandbox.name,
        confinement=task.sandbox.describe(task.limits),
        verdict=UNJUDGED if task.plan.quick else verdict(universality, None).value,
        sentence=explain_rejection(universality, None),
        seconds=sum(timings.values()),
        timings=timings,
        certificate_from=certificate.evaluation_id if certificate else None,
    )
