"""The story of an evaluation, from a bundle to a report.

Truth, secret and metrics stay here; the sandbox gets coordinates and gives predictions.
"""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.reader import Bundle
from challenge.bundle.weights import count_numbers
from challenge.controls import FAMILIES
from challenge.imaging.pictures import error_image, model_image, png_bytes, truth_values
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.report import UNJUDGED, Integrity, Report, Universality
from challenge.results.result_visuals import ResultVisuals
from challenge.results.verdicts import Status
from challenge.scoring.evaluation_set import FULL, EvaluationSet, EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.places import PLACES
from challenge.scoring.practice import practice_set
from challenge.scoring.season import PRACTICE, Season
from evaluator import probes, universality
from evaluator.predict import ask
from evaluator.probes import consistency
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]

PICTURE_PIXELS: Final = 128
# How far below its depth a model is shown: enough octaves to watch it lose the thread.
PICTURE_OCTAVES_BELOW: Final = 3


class Watch(Protocol):
    """Whoever follows an evaluation: told of progress, handed pictures."""

    def status(self, status: Status, progress: float, message: str) -> None:
        """A step was taken; `progress` in [0, 1] of the whole evaluation."""

    def picture(self, name: str, png: bytes) -> None:
        """A picture was drawn, named like "seahorse-valley/07/model.png"."""

    def evidence(self, evidence: ResultVisuals) -> None:
        """What people are shown of the controls and the probes."""


@dataclass
class _Clock:
    """Seconds of each part, for the report."""

    began: float = field(default_factory=time.perf_counter)
    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.perf_counter() - began


@dataclass(frozen=True)
class Assignment:
    """What is judged, on what, and where."""

    bundle: Bundle
    season: Season
    sandbox: Sandbox
    size: EvaluationSize = FULL
    limits: Limits = field(default_factory=Limits.from_environment)
    device: str = "auto"
    quick: bool = False  # octaves only
    pictures: bool = True

    def start(self) -> AbstractContextManager[Session]:
        """A fresh sandbox for this submission."""
        return self.sandbox.start(self.bundle, limits=self.limits, device=self.device)

    def start_beside(self, bundle: Bundle) -> AbstractContextManager[Session]:
        """A fresh sandbox with one thread, for several at the same time; each may take its time for that."""
        slow = self.limits.threads
        limits = replace(
            self.limits,
            threads=1,
            load_seconds=slow * self.limits.load_seconds,
            request_seconds=slow * self.limits.request_seconds,
            fit_seconds=slow * self.limits.fit_seconds,
        )
        return self.sandbox.start(bundle, limits=limits, device=self.device)


@lru_cache(maxsize=2)
def _evaluation_set(season: Season, size: EvaluationSize) -> EvaluationSet:
    # A worker judges many submissions of one season. Only the public one may lie on disk.
    return practice_set(size) if season == PRACTICE else evaluation_set(season, size)


def judge(task: Assignment, watch: Watch) -> Report:
    """Judge a submission.

    Raises:
        EvaluationError: it could not be judged; says why and whose fault it is.
    """
    clock = _Clock()
    watch.status(Status.PREDICTING, 0.0, "drawing the evaluation set")
    with clock.part("evaluation set"):
        views = _evaluation_set(task.season, task.size)
    with clock.part("predicting"):
        answers = _predict(task, views, watch)
    scores = measure(views.truth, answers.prediction)

    certified: universality.Certified | None = None
    found: Integrity | None = None
    if not task.quick:
        with clock.part("refitting"):
            certified = universality.certify(
                task.start,
                task.season,
                lambda done, what: watch.status(Status.REFITTING, 0.3 + 0.4 * done, what),
                families=FAMILIES if task.size == FULL else universality.SMALL,
            )
        with clock.part("probing"):
            found, plots = probes.run(
                _case(task, views, answers, scores.skill_by_chain),
                lambda done, what: watch.status(Status.PROBING, 0.7 + 0.2 * done, what),
            )
        if task.pictures:
            with clock.part("rendering"), task.start() as session:
                session.load()
                _render(session, scores.depth, watch)
        watch.evidence(ResultVisuals(controls=certified.shown, plots=plots))

    certificate = certified.result if certified else None
    return Report(
        season=task.season.name,
        commitment=task.season.commitment,
        **scores.figures(),
        universality=certificate,
        integrity=found,
        parameters=count_numbers(task.bundle.weights),
        bytes=task.bundle.size,
        weight_class=task.bundle.weight_class,
        predictions_per_second=answers.per_second,
        device=answers.device,
        sandbox=task.sandbox.name,
        confinement=task.sandbox.describe(task.limits),
        verdict=UNJUDGED if task.quick else verdict(certificate, found).value,
        sentence=sentence(certificate, found),
        seconds=time.perf_counter() - clock.began,
        timings=clock.parts,
    )


@dataclass(frozen=True)
class _Answers:
    prediction: Array  # (chains, octaves, points)
    loaded: int
    batches_apart: float  # the largest difference of answers in other batches of the same sandbox
    per_second: float
    device: str


def _predict(task: Assignment, views: EvaluationSet, watch: Watch) -> _Answers:
    """Ask for every view's points in one random order, and for some of them again in other batches."""
    unit = to_unit(views.points.reshape(-1, 2))
    watch.status(Status.PREDICTING, 0.05, "loading the model")
    with task.start() as session:
        loaded = session.load()
        watch.status(Status.PREDICTING, 0.1, f"predicting {len(unit):,} points")
        said = ask(session, unit, task.season.generator("order"))
        batches_apart = consistency.in_batches(session, task.season, said.asked, said.answers)
        device = session.device
    return _Answers(
        prediction=said.prediction.reshape(views.truth.shape),
        loaded=loaded,
        batches_apart=batches_apart,
        per_second=said.per_second,
        device=device,
    )


def _case(task: Assignment, views: EvaluationSet, answers: _Answers, skill: Array) -> probes.Case:
    return probes.Case(
        bundle=task.bundle,
        season=task.season,
        start=task.start_beside,
        views=views,
        prediction=answers.prediction,
        batches_apart=answers.batches_apart,
        skill=skill,
        loaded=answers.loaded,
        effort=probes.FULL_EFFORT if task.size == FULL else probes.SMALL_EFFORT,
    )


def _render(session: Session, depth: float, watch: Watch) -> None:
    """Draw what the model makes of the public places, down to a little below its depth."""
    deepest = math.ceil(depth) + PICTURE_OCTAVES_BELOW
    views = [(place, octave) for place in PLACES for octave in place.octaves if octave <= deepest]
    for index, (place, octave) in enumerate(views):
        watch.status(Status.RENDERING, 0.9 + 0.1 * index / len(views), f"drawing {place.name}")
        truth = truth_values(place, octave, PICTURE_PIXELS)
        prediction = session.predict(to_unit(place.view(octave).grid(PICTURE_PIXELS)))[:, 0]
        name = f"{place.slug}/{octave:02d}"
        watch.picture(f"{name}/model.png", png_bytes(model_image(truth, prediction)))
        watch.picture(f"{name}/error.png", png_bytes(error_image(truth, prediction)))


def verdict(certificate: Universality | None, found: Integrity | None) -> Status:
    """Scored, or rejected where a control or a probe was not passed."""
    passed = all(part is None or part.passed for part in (certificate, found))
    return Status.SCORED if passed else Status.REJECTED


def sentence(certificate: Universality | None, found: Integrity | None) -> str:
    """Why it was rejected, with the figures and what would make it pass; '' where it was not."""
    controls = [
        universality.explain(one) for one in (certificate.controls if certificate else ()) if not one.passed
    ]
    asked = [one.sentence for one in (found.probes if found else ()) if not one.passed]
    if not controls and not asked:
        return ""
    broke = [
        *(["it must still be able to learn other data sets"] if controls else []),
        *(["what it answers must come from what it learned"] if asked else []),
    ]
    return " ".join([f"It broke the only rule: {', and '.join(broke)}.", *controls, *asked])
