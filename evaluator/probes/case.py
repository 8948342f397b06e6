"""What the probes of a submission work with, and how they ask it in sandboxes of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.reader import Bundle
from challenge.results.report import ProbeResult
from challenge.results.result_visuals import PlotData
from challenge.results.verdicts import EvaluationError, Fault
from challenge.scoring.evaluation_set import EvaluationSet
from challenge.scoring.season import Season
from evaluator.plan import FULL_EFFORT, Effort
from evaluator.sandbox.limits import CORES
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]
Start = Callable[[Bundle], AbstractContextManager[Session]]
T = TypeVar("T")

# Each takes a third of a gigabyte, and a small machine has little memory.
MOST_SANDBOXES: Final = 4


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
    at_once: int = min(CORES, MOST_SANDBOXES)

    @property
    def octaves(self) -> float:
        """The score."""
        return float(self.skill.mean(axis=0).sum())

    def with_weights(self, weights: bytes) -> Bundle:
        """The submission's code with other weights."""
        return replace(self.bundle, files=self.bundle.files | {"weights.safetensors": weights})


@dataclass(frozen=True)
class ProbeOutcome:
    """What one probe found, and its plot."""

    result: ProbeResult
    plot: PlotData


def run_parallel(case: Case, jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Run jobs that each open a sandbox, a few at a time; their results, in order.

    Raises:
        EvaluationError: of the first job that failed.
    """
    with ThreadPoolExecutor(min(len(jobs), case.at_once)) as pool:
        running = [pool.submit(job) for job in jobs]
        try:
            return [job.result() for job in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def answers_with(case: Case, weights: bytes, unit: Array) -> Array:
    """(n,) answers of the submission's code with other weights, in a sandbox of its own.

    Code that fails with weights it was not made for gives no answers: NaN. That is no fault of an honest tree
    whose branches were shuffled.

    Raises:
        EvaluationError: the platform is at fault.
    """
    try:
        with case.start(case.with_weights(weights)) as session:
            session.load()
            return session.predict(unit)[:, 0]
    except EvaluationError as error:
        if error.fault is Fault.PLATFORM:
            raise
        return np.full(len(unit), np.nan)
