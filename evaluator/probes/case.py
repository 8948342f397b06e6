"""What the probes of one submission work with, and how they ask in sandboxes of their own."""

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
from evaluator.sandbox.limits import CORES
from evaluator.sandbox.session import Session

Array = NDArray[np.float64]
Start = Callable[[Bundle], AbstractContextManager[Session]]
T = TypeVar("T")

# Each has one thread of torch; more of them than this would not fit into the memory of a small machine.
MOST_SANDBOXES: Final = 4


@dataclass(frozen=True)
class Effort:
    """How much is asked; a test season is small in everything.

    Attributes:
        scrambles: how often the weights are shuffled.
        warps: secret warps that the twin is fitted to.
        steps: optimiser steps of the twin's and the plasticity's fits.
        doses: shares of shuffled weights in the mixes, besides none and all; 1e-3 decides.
        views, points: at most so many views, and points of each, are asked of a shuffled model.
    """

    scrambles: int = 5
    warps: int = 3
    steps: int = 500
    doses: tuple[float, ...] = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1)
    views: int = 400
    points: int = 100


FULL_EFFORT: Final = Effort()
SMALL_EFFORT: Final = Effort(scrambles=1, warps=1, steps=200, doses=(1e-3,))


@dataclass(frozen=True)
class Case:
    """One submission, as far as it has been judged.

    Attributes:
        start: opens a fresh sandbox for a bundle: the submission's own, or one with other weights.
        views: the season's evaluation set.
        prediction: (chains, octaves, points) its answers there, of the first sandbox.
        batches_apart: largest differences seen in the first sandbox when points came in other batches.
        skill: (chains, octaves) of those answers.
        loaded: numbers in the state dict of build(2, 1), into which the weights loaded strictly.
        at_once: sandboxes that may run at the same time.
    """

    bundle: Bundle
    season: Season
    start: Start
    views: EvaluationSet
    prediction: Array
    batches_apart: float
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
class Probed:
    """What one probe found, and its picture."""

    result: ProbeResult
    plot: PlotData


def side_by_side(case: Case, jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Run jobs, each of which opens a sandbox, a few at a time; what they return, in their order.

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
