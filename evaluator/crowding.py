"""Whether other work of this machine may have decided a verdict, which is then not given.

A submission's own `fit` looks at the clock. Where it was kept from running for most of its seconds it has
learned less than its budget allows, and what it fails by that says nothing.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox.session import Session

# A budget is ten times what the reference network takes: half of it is no reason to fail.
MOST_KEPT: Final = 0.5


class Crowding:
    """Adds up what a submission's own fits took in several sandboxes, and how much of it they waited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._kept = 0.0

    @contextmanager
    def noted(self, start: AbstractContextManager[Session]) -> Iterator[Session]:
        """The session, whose fits are added up."""
        with start as session:
            try:
                yield session
            finally:
                with self._lock:
                    self._seconds += session.own_fits.seconds
                    self._kept += session.own_fits.kept

    def require_fair(self, *, passed: bool) -> None:
        """Refuse a verdict against a submission whose fits were kept waiting most of their time.

        Args:
            passed: whether there is nothing against it.

        Raises:
            EvaluationError: MACHINE_BUSY.
        """
        if not passed and self._kept > MOST_KEPT * self._seconds:
            raise EvaluationError(
                Reason.MACHINE_BUSY,
                f"Of the {self._seconds:.0f} s of its fits, it was kept waiting for a processor for "
                f"{self._kept:.0f} s.",
            )
