"""What the probes of a submission work with, and how they ask it in sandboxes of their own."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.reader import Bundle
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData
from challenge.results.verdicts import EvaluationError, Fault, Reason
from challenge.scoring.evaluation_set import EvaluationSet
from challenge.scoring.season import Season
from evaluator.parallel import AT_ONCE
from evaluator.plan import FULL_EFFORT, Effort
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]
Start = Callable[[Bundle], AbstractContextManager[Session]]
StartCode = Callable[[], AbstractContextManager[Session]]
# Bytes and octaves of what was learned while somebody watched.
Front = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class CodeCase:
    """A submission's code, for probes that need no weights.

    Attributes:
        start: opens a fresh sandbox with the code and no weights.
        at_once: sandboxes that may run at the same time.
    """

    season: Season
    start: StartCode
    effort: Effort = FULL_EFFORT
    at_once: int = AT_ONCE


@dataclass(frozen=True)
class Case:
    """A submission and what was measured of it before the probes.

    Attributes:
        start: opens a fresh sandbox for a bundle: the submission's own, or one with other weights.
        views: the season's evaluation set.
        prediction: (chains, octaves, points) its answers there, from the first sandbox.
        batch_difference: largest difference in the first sandbox when points came in other batches.
        skill: (chains, octaves) of those answers.
        loaded: numbers in the state dict of build(2, 1), into which the weights loaded strictly.
        at_once: sandboxes that may run at the same time.
        front: what was learned besides the references, for `capacity`.
    """

    bundle: Bundle
    season: Season
    start: Start
    views: EvaluationSet
    prediction: Array
    batch_difference: float
    skill: Array
    loaded: int
    effort: Effort = FULL_EFFORT
    at_once: int = AT_ONCE
    front: Front = ()

    @property
    def octaves(self) -> float:
        """The score."""
        return float(self.skill.mean(axis=0).sum())

    @property
    def code(self) -> CodeCase:
        """Its code alone."""
        bundle = self.bundle.without_weights()
        return CodeCase(self.season, lambda: self.start(bundle), self.effort, self.at_once)

    def with_weights(self, weights: bytes) -> Bundle:
        """The submission's code with other weights."""
        return replace(self.bundle, files=self.bundle.files | {"weights.safetensors": weights})


@dataclass(frozen=True)
class ProbeOutcome:
    """What one probe found, and its plot."""

    result: ProbeResult
    plot: PlotData


def answers_with(case: Case, weights: bytes, unit: Array) -> Array:
    """(n,) answers of the submission's code with other weights, in a sandbox of its own.

    NaN if the code fails with these weights, as an honest tree may whose branches were shuffled.

    Raises:
        EvaluationError: the platform is at fault, or the evaluation has taken too long.
    """
    try:
        with case.start(case.with_weights(weights)) as session:
            session.load()
            return session.predict(unit)[:, 0]
    except EvaluationError as error:
        if error.fault is Fault.PLATFORM or error.reason is Reason.EVALUATION_TIME_EXCEEDED:
            raise
        return np.full(len(unit), np.nan)
