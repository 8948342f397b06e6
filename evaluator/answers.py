"""What a model answers on an evaluation set: asked in sandboxes, in one random order over all views."""

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.coordinates import to_unit
from challenge.results.frame_suggestion import FrameSuggestion
from challenge.results.verdicts import EvaluationError, Status
from challenge.scoring.evaluation_set import EvaluationSet
from challenge.scoring.metrics import measure
from evaluator.assignment import Assignment
from evaluator.frame_search import find_frame
from evaluator.parallel import AT_ONCE, run_parallel
from evaluator.predict import predict_shuffled
from evaluator.probes import consistency
from evaluator.sandbox.session import Session
from evaluator.wall_limit import WallLimit
from evaluator.watch import Watch

Array = NDArray[np.float64]

# The points are shared out to so many, on machines with fewer cores as well: figures do not depend on it.
PREDICTING_SANDBOXES: Final = 2


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


def predict(task: Assignment, views: EvaluationSet, watch: Watch, wall: WallLimit | None = None) -> Measured:
    """Ask for the points of all views in one random order, and for some of them again in other batches.

    Each sandbox gets its part of that order.

    Raises:
        EvaluationError: the model does not load or does not answer.
    """
    unit = to_unit(views.points.reshape(-1, 2))
    wall = wall or WallLimit("Predicting", task.limits.stage_seconds)
    watch.status(Status.PREDICTING, 0.05, f"predicting {len(unit):,} points")
    parts: list[_Part] = []

    def ask(sent: Array) -> Array:
        jobs = [
            partial(_predict_part, task, points, wall, first=part == 0)
            for part, points in enumerate(np.array_split(sent, PREDICTING_SANDBOXES))
        ]
        parts.extend(run_parallel(jobs, min(AT_ONCE, len(jobs))))
        return np.concatenate([part.answers for part in parts])

    found = predict_shuffled(ask, unit, task.season.generator("order"))
    return Measured(
        prediction=found.values.reshape(views.truth.shape),
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


def predict_again(
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


def agree(views: EvaluationSet, measured: Measured, skill: Array) -> bool:
    """Whether these answers are those that the skill (chains, octaves) was measured on."""
    return bool(np.allclose(_skill(views, measured), skill, rtol=0, atol=1e-9))


def _skill(views: EvaluationSet, measured: Measured) -> Array:
    return measure(views.truth, measured.prediction).skill_by_chain
