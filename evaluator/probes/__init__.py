"""Integrity probes: is what a submission learned in its weights (docs/spec.md, section 6)?

Each probe is a module with a pure function `result` from figures measured on sandboxed answers to a verdict
with its threshold, `plot` for the page, and `run`, which asks in sandboxes of its own. What each of them can
and cannot see: docs/integrity.md.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from challenge.bundle.reader import Bundle
from challenge.results.report import Integrity, ProbeResult
from challenge.results.stages import IntegrityFindings
from evaluator.parallel import run_parallel
from evaluator.plan import FULL_EFFORT, PROBES, SMALL_EFFORT, Effort
from evaluator.probes import capacity, consistency, dose, plasticity, scramble, twin, weights_match
from evaluator.probes.case import Case, CodeCase, Front, ProbeOutcome, Start
from evaluator.sandbox.session import Session

Progress = Callable[[float, str], None]

_RUN: Final[dict[str, Callable[[Case], ProbeOutcome]]] = {
    weights_match.NAME: weights_match.run,
    consistency.NAME: consistency.run,
    scramble.NAME: scramble.run,
    twin.NAME: twin.run,
    plasticity.NAME: plasticity.run,
    capacity.NAME: capacity.run,
    dose.NAME: dose.run,
}


def run(case: Case, progress: Progress, names: Sequence[str] = PROBES) -> IntegrityFindings:
    """Run the named probes, side by side: of all of them together, `case.at_once` sandboxes run at a time.

    Args:
        case: the submission and what was measured of it.
        progress: called with the finished share and what is being asked.
        names: of the probes.

    Raises:
        EvaluationError: the submission could not be judged.
    """
    gated = replace(case, start=_gate(case.start, case.at_once))
    outcomes = []
    progress(0.0, f"probing: {names[0]}" if names else "probing")
    jobs = [partial(_RUN[name], gated) for name in names]
    for index, outcome in enumerate(run_parallel(jobs, len(jobs)), 1):
        outcomes.append(outcome)
        if index < len(names):
            progress(index / len(names), f"probing: {names[index]}")
    return IntegrityFindings(
        probes=tuple(one.result for one in outcomes), plots=tuple(one.plot for one in outcomes)
    )


def _gate(start: Start, at_once: int) -> Start:
    """As `start`, with a bounded number of sandboxes at a time; later calls wait."""
    places = threading.BoundedSemaphore(at_once)

    @contextmanager
    def gated(bundle: Bundle) -> Iterator[Session]:
        with places, start(bundle) as session:
            yield session

    return gated


def summarise(results: Sequence[ProbeResult]) -> Integrity:
    """All probes together: passed if all are, flagged if one is."""
    return Integrity(
        passed=all(one.passed for one in results),
        flagged=any(one.flagged for one in results),
        probes=tuple(results),
    )


__all__ = [
    "FULL_EFFORT",
    "SMALL_EFFORT",
    "Case",
    "CodeCase",
    "Effort",
    "Front",
    "ProbeOutcome",
    "run",
    "summarise",
]
