"""Asking a model for every point of an evaluation set, in an order that gives no view away."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answered:
    """What a model said.

    Attributes:
        asked: (n, 2) unit points in the order in which they were sent.
        answers: (n,) in that order.
        prediction: (n,) in the order of the evaluation set.
        per_second: points a second, here.
    """

    asked: Array
    answers: Array
    prediction: Array
    per_second: float


def ask(session: Session, unit: Array, generator: np.random.Generator) -> Answered:
    """Ask for unit points (n, 2) in one random order.

    Raises:
        EvaluationError: none of the answers is finite, or the session cannot go on.
    """
    order = generator.permutation(len(unit))
    asked = unit[order]
    began = time.perf_counter()
    answers = session.predict(asked)[:, 0]
    seconds = time.perf_counter() - began
    if not np.isfinite(answers).any():
        raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
    prediction = np.empty_like(answers)
    prediction[order] = answers
    return Answered(asked, answers, prediction, len(asked) / seconds)
