"""The longest time that an evaluation, or a stage of it, may take by the clock on the wall."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox.limits import Limits


@dataclass(frozen=True)
class WallLimit:
    """Ends what runs under it after a number of seconds.

    Attributes:
        what: that is limited, for the message.
        seconds: from the limit's making.
    """

    what: str
    seconds: float
    _began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left; 0 or less when it has been reached."""
        return self._began + self.seconds - time.monotonic()

    def apply(self, limits: Limits) -> Limits:
        """Limits for a sandbox that starts now, so that it ends with this limit.

        Raises:
            EvaluationError: it has been reached.
        """
        if self.left <= 0:
            raise self._reached()
        return replace(limits, total_seconds=min(limits.total_seconds, self.left))

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Name this limit as the reason where it has cut short what runs inside.

        Raises:
            EvaluationError: EVALUATION_TIME_EXCEEDED in place of TIME_EXCEEDED.
        """
        try:
            yield
        except EvaluationError as error:
            if error.reason is Reason.TIME_EXCEEDED and self.left <= 0:
                raise self._reached() from error
            raise

    def within(self, other: "WallLimit") -> "WallLimit":
        """The one of the two that is reached first."""
        return self if self.left <= other.left else other

    def _reached(self) -> EvaluationError:
        return EvaluationError(
            Reason.EVALUATION_TIME_EXCEEDED, f"{self.what} may take {self.seconds:,.0f} s."
        )
