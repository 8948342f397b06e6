"""Judge a submission on the samples track: it learns secret targets from random samples under supervision.

All that a sandbox gets of a target are the samples. The weights of the bundle are left out: what is judged
was learned here, from scratch, in the time that everybody gets.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from challenge.results.report import UNJUDGED, Universality
from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import Calibration, SamplesReport
from challenge.results.verdicts import Status
from challenge.scoring.metrics import SMALLEST_MSE, Scores, depth, interval
from evaluator import universality
from evaluator.calibration import calibrate, machine_class
from evaluator.samples_track.target_run import Learned, TargetRun
from evaluator.samples_track.task import SamplesTask, draw_lesson
from evaluator.sandbox.session import FIT_GRACE
from evaluator.verdict import explain_rejection, verdict
from evaluator.wall_limit import WallLimit
from evaluator.watch import Clock, Watch

Array = NDArray[np.float64]


def judge_samples(task: SamplesTask, watch: Watch) -> SamplesReport:
    """Judge a submission on the samples track.

    Frames of the training film are named "samples/1/film-03.png"; there are "samples/1/truth.png" and
    ".../error.png" as well. The losses that a submission reported are plots of the evidence. As long as the
    season's secret is kept, neither may be shown to anybody.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    clock, plan = Clock(), task.plan
    watch.status(Status.VALIDATING, 0.0, "measuring the machine")
    calibration = calibrate(machine_class(task.device))
    seconds = task.budgets[calibration.machine] * calibration.factor if task.seconds is None else task.seconds
    wall = WallLimit("The evaluation", task.limits.evaluation_seconds + FIT_GRACE * seconds * len(task.kinds))
    learned = []
    for index, kind in enumerate(task.kinds):
        watch.status(Status.REFITTING, index / len(task.kinds), f"drawing target {index + 1}")
        with clock.part("drawing"):
            lesson = draw_lesson(task.season, kind, task.samples, plan.size)
        with clock.part(f"target {index + 1}"):
            learned.append(TargetRun(task, watch, lesson, seconds, index, wall).learn())
    certified: universality.Certified | None = None
    if not plan.quick:
        with clock.part("universality"), wall.enforced():
            certified = universality.certify(
                lambda: task.start_control(wall),
                task.season,
                lambda done, what: watch.status(Status.REFITTING, 0.95 + 0.05 * done, what),
                families=plan.families,
            )
    plots = tuple(one.losses for one in learned if one.losses is not None)
    watch.evidence(ResultVisuals(controls=certified.shown if certified else (), plots=plots))
    return _report(task, learned, calibration, certified.result if certified else None, clock)


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
    learned: list[Learned],
    calibration: Calibration,
    certificate: Universality | None,
    clock: Clock,
) -> SamplesReport:
    results = [one.result for one in learned]
    scores = mean_scores(
        (np.array(one.skill_by_chain) for one in results), (one.precision_db for one in results)
    )
    budget = task.budgets[calibration.machine] if task.seconds is None else task.seconds / calibration.factor
    return SamplesReport(
        season=task.season.name,
        commitment=task.season.commitment,
        **scores.figures(),
        targets=tuple(results),
        samples=task.samples,
        budget_seconds=budget,
        calibration=calibration,
        universality=certificate,
        parameters=learned[0].numbers,
        bytes=sum(map(len, task.bundle.sources.values())),
        predictions_per_second=float(np.mean([one.per_second for one in learned])),
        device=learned[0].device,
        sandbox=task.sandbox.name,
        confinement=task.sandbox.describe(task.limits),
        verdict=UNJUDGED if task.plan.quick else verdict(certificate, None).value,
        sentence=explain_rejection(certificate, None),
        seconds=clock.seconds,
        timings=clock.parts,
    )
