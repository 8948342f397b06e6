"""Judge a submission on the open track, from its bundle to the report.

Truth, secret and metrics stay in this process; the sandbox gets coordinates and returns predictions.
"""

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.reader import Bundle
from challenge.bundle.weights import count_numbers
from challenge.imaging.pictures import error_image, model_image, png_bytes, truth_values
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.report import UNJUDGED, Integrity, Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.verdicts import Status
from challenge.scoring.evaluation_set import EvaluationSet, EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.practice import practice_set
from challenge.scoring.season import PRACTICE, Season
from evaluator import probes, universality
from evaluator.plan import EvaluationPlan
from evaluator.predict import predict_shuffled
from evaluator.probes import consistency
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session
from evaluator.verdict import explain_rejection, verdict
from evaluator.watch import Clock, Watch

Array = NDArray[np.float64]

PICTURE_PIXELS: Final = 128
# Pictures go on this far below a model's depth, to show how its detail ends.
PICTURE_OCTAVES_BELOW: Final = 3


@dataclass(frozen=True)
class Assignment:
    """What is judged, on what season, how thoroughly, and where."""

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    plan: EvaluationPlan = field(default_factory=EvaluationPlan.open_track)
    limits: Limits = field(default_factory=Limits.from_environment)
    device: str = "auto"

    def start(self) -> AbstractContextManager[Session]:
        """A fresh sandbox for this submission."""
        return self.sandbox.start(self.bundle, limits=self.limits, device=self.device)

    def start_one_thread(self, bundle: Bundle) -> AbstractContextManager[Session]:
        """A fresh sandbox with one thread, to run beside others; its time limits are longer for that."""
        slower = self.limits.threads
        limits = replace(
            self.limits,
            threads=1,
            load_seconds=slower * self.limits.load_seconds,
            request_seconds=slower * self.limits.request_seconds,
            fit_seconds=slower * self.limits.fit_seconds,
        )
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
    """

    prediction: Array
    loaded: int
    batch_difference: float
    per_second: float
    device: str


@lru_cache(maxsize=2)
def _evaluation_set(season: Season, size: EvaluationSize) -> EvaluationSet:
    # Cached because a worker judges many submissions of a season. Only the public season is kept on disk.
    return practice_set(size) if season == PRACTICE else evaluation_set(season, size)


def judge(task: Assignment, watch: Watch) -> Report:
    """Judge a submission.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    clock, plan = Clock(), task.plan
    watch.status(Status.PREDICTING, 0.0, "drawing the evaluation set")
    with clock.part("evaluation set"):
        views = _evaluation_set(task.season, plan.size)
    with clock.part("predicting"):
        measured = predict(task, views, watch)
    scores = measure(views.truth, measured.prediction)

    certified: universality.Certified | None = None
    integrity: Integrity | None = None
    if not plan.quick:
        with clock.part("refitting"):
            certified = universality.certify(
                task.start,
                task.season,
                lambda done, what: watch.status(Status.REFITTING, 0.3 + 0.4 * done, what),
                families=plan.families,
            )
        with clock.part("probing"):
            integrity, plots = probes.run(
                probe_case(task, views, measured, scores.skill_by_chain),
                lambda done, what: watch.status(Status.PROBING, 0.7 + 0.2 * done, what),
                plan.probes,
            )
        if plan.pictures:
            with clock.part("rendering"), task.start() as session:
                session.load()
                _render(session, plan, scores.depth, watch)
        watch.evidence(ResultVisuals(controls=certified.shown, plots=plots))

    certificate = certified.result if certified else None
    return Report(
        season=task.season.name,
        commitment=task.season.commitment,
        **scores.figures(),
        universality=certificate,
        integrity=integrity,
        parameters=count_numbers(task.bundle.weights),
        bytes=task.bundle.size,
        weight_class=task.bundle.weight_class,
        predictions_per_second=measured.per_second,
        device=measured.device,
        sandbox=task.sandbox.name,
        confinement=task.sandbox.describe(task.limits),
        verdict=UNJUDGED if plan.quick else verdict(certificate, integrity).value,
        sentence=explain_rejection(certificate, integrity),
        seconds=clock.seconds,
        timings=clock.parts,
    )


def predict(task: Assignment, views: EvaluationSet, watch: Watch) -> Measured:
    """Ask for the points of all views in one random order, and for some of them again in other batches.

    Raises:
        EvaluationError: the model does not load or does not answer.
    """
    unit = to_unit(views.points.reshape(-1, 2))
    watch.status(Status.PREDICTING, 0.05, "loading the model")
    with task.start() as session:
        loaded = session.load()
        watch.status(Status.PREDICTING, 0.1, f"predicting {len(unit):,} points")
        found = predict_shuffled(session, unit, task.season.generator("order"))
        difference = consistency.in_batches(session, task.season, found.sent, found.answers)
        device = session.device
    return Measured(
        prediction=found.values.reshape(views.truth.shape),
        loaded=loaded,
        batch_difference=difference,
        per_second=found.per_second,
        device=device,
    )


def probe_case(task: Assignment, views: EvaluationSet, measured: Measured, skill: Array) -> probes.Case:
    """What the probes of a submission work with.

    Args:
        task: the submission.
        views: the season's evaluation set.
        measured: the submission's answers there.
        skill: (chains, octaves) of those answers.
    """
    return probes.Case(
        bundle=task.bundle,
        season=task.season,
        start=task.start_one_thread,
        views=views,
        prediction=measured.prediction,
        batch_difference=measured.batch_difference,
        skill=skill,
        loaded=measured.loaded,
        effort=task.plan.effort,
    )


def _render(session: Session, plan: EvaluationPlan, depth: float, watch: Watch) -> None:
    """Draw the model's picture of the public places, down to a little below its depth."""
    deepest = math.ceil(depth) + PICTURE_OCTAVES_BELOW
    views = [(place, octave) for place in plan.places for octave in place.octaves if octave <= deepest]
    for index, (place, octave) in enumerate(views):
        watch.status(Status.RENDERING, 0.9 + 0.1 * index / len(views), f"drawing {place.name}")
        truth = truth_values(place, octave, PICTURE_PIXELS)
        prediction = session.predict(to_unit(place.view(octave).grid(PICTURE_PIXELS)))[:, 0]
        name = f"{place.slug}/{octave:02d}"
        watch.picture(f"{name}/model.png", png_bytes(model_image(truth, prediction)))
        watch.picture(f"{name}/error.png", png_bytes(error_image(truth, prediction)))
