"""Ask a model for every point of an evaluation set, in an order that gives no view away."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from challenge.results.verdicts import EvaluationError, Reason

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """A model's answers at the points of an evaluation set.

    Attributes:
        sent: (n, 2) unit points in the order in which they were sent.
        answers: (n,) in that order.
        values: (n,) in the order of the evaluation set.
    """

    sent: Array
    answers: Array
    values: Array


def predict_shuffled(
    ask: Callable[[Array], Array], unit: Array, generator: np.random.Generator
) -> Prediction:
    """Ask for unit points (n, 2) in a random order drawn by `generator`.

    Args:
        ask: given points (n, 2), returns the model's answers (n,).
        unit: the points of all views.
        generator: draws the order.

    Raises:
        EvaluationError: none of the answers is finite; and what `ask` raises.
    """
    order = generator.permutation(len(unit))
    sent = unit[order]
    answers = ask(sent)
    if not np.isfinite(answers).any():
        raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
    values = np.empty_like(answers)
    values[order] = answers
    return Prediction(sent, answers, values)
