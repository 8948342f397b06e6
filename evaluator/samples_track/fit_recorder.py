"""Record a fit while it runs: its last checkpoint, checkpoints for the training film, and its losses."""

import math
import time
from collections.abc import Callable
from typing import Final

# Shares of the budget at whose first checkpoint a frame of the film is taken: learning is fast at first.
FRAMES: Final = (0.0, 0.03, 0.08, 0.18, 0.35, 0.6, 0.85)
# Of all checkpoints kept for the film together; the film of a large model is shorter.
FILM_BYTES: Final = 256 << 20
LOSSES: Final = 256
PROGRESS_SECONDS: Final = 2.0


class FitRecorder:
    """A `FitWatch` that records one fit.

    Args:
        seconds: the budget.
        used_before: seconds of the budget that passed before the fit; all moments here count them.
        progress: called every two seconds or so with the seconds passed and the last loss (NaN before one).
    """

    def __init__(
        self, seconds: float, progress: Callable[[float, float], None], used_before: float = 0.0
    ) -> None:
        self._budget = seconds
        self._used_before = used_before
        self._progress = progress
        self._reported = -math.inf
        self._stride = 1
        self._losses_seen = 0
        self._due = 0
        self._loss = math.nan
        self.last: bytes | None = None
        self.last_seconds = 0.0
        self.checkpoints = 0
        self.losses: list[tuple[float, float]] = []
        self.film: list[tuple[float, bytes]] = []

    def checkpoint(self, state: bytes, seconds: float) -> None:
        """Keep it as the last one, and for the film if a frame is due."""
        seconds += self._used_before
        self.last, self.last_seconds = state, seconds
        self.checkpoints += 1
        if self._due < len(FRAMES) and seconds >= FRAMES[self._due] * self._budget:
            while self._due < len(FRAMES) and seconds >= FRAMES[self._due] * self._budget:
                self._due += 1
            if sum(len(kept) for _, kept in self.film) + len(state) <= FILM_BYTES:
                self.film.append((seconds, state))
        self._report(seconds)

    def loss(self, loss: float, seconds: float) -> None:
        """Keep it if it is finite; of very many, only every second, fourth, ... is kept."""
        seconds += self._used_before
        self._loss = loss
        if math.isfinite(loss):
            if self._losses_seen % self._stride == 0:
                self.losses.append((seconds, loss))
            self._losses_seen += 1
            if len(self.losses) > LOSSES:
                self.losses = self.losses[::2]
                self._stride *= 2
        self._report(seconds)

    def waiting(self, seconds: float) -> None:
        """Report progress if it is due."""
        self._report(seconds + self._used_before)

    def _report(self, seconds: float) -> None:
        now = time.monotonic()
        if now - self._reported >= PROGRESS_SECONDS:
            self._reported = now
            self._progress(seconds, self._loss)
