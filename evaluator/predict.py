"""Ask a model for every point of an evaluation set, in an order that gives no view away."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """A model's answers at the points of an evaluation set.

    Attributes:
        sent: (n, 2) unit points in the order in which they were sent.
        answers: (n,) in that order.
        values: (n,) in the order of the evaluation set.
        per_second: points per second on this machine.
    """

    sent: Array
    answers: Array
    values: Array
    per_second: float


def predict_shuffled(session: Session, unit: Array, generator: np.random.Generator) -> Prediction:
    """Ask for unit points (n, 2) in a random order drawn by `generator`.

    Raises:
        EvaluationError: none of the answers is finite, or the session cannot go on.
    """
    order = generator.permutation(len(unit))
    sent = unit[order]
    began = time.perf_counter()
    answers = session.predict(sent)[:, 0]
    seconds = time.perf_counter() - began
    if not np.isfinite(answers).any():
        raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
    values = np.empty_like(answers)
    values[order] = answers
    return Prediction(sent, answers, values, len(sent) / seconds)
