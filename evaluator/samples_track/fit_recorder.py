"""What the judge keeps while a fit runs: the last checkpoint, some for the film, the losses, and the time."""

import math
import time
from collections.abc import Callable
from typing import Final

# Shares of the budget at whose first checkpoint a frame of the film is taken: learning is fast at first.
FRAMES: Final = (0.0, 0.03, 0.08, 0.18, 0.35, 0.6, 0.85)
# Kept for the film, all together; a model that is larger has a shorter film.
FILM_BYTES: Final = 256 << 20
LOSSES: Final = 256
TELL_EVERY_SECONDS: Final = 2.0


class Journal:
    """A `FitWatch` of one fit.

    Args:
        seconds: the budget.
        tell: told now and then how many seconds have gone, and the last loss (NaN before the first).
    """

    def __init__(self, seconds: float, tell: Callable[[float, float], None]) -> None:
        self._budget = seconds
        self._tell = tell
        self._told = -math.inf
        self._stride = 1
        self._heard = 0
        self._due = 0
        self._loss = math.nan
        self.last: bytes | None = None
        self.last_seconds = 0.0
        self.checkpoints = 0
        self.losses: list[tuple[float, float]] = []
        self.film: list[tuple[float, bytes]] = []

    def checkpoint(self, state: bytes, seconds: float) -> None:
        """Keep the last one, and those that the film wants."""
        self.last, self.last_seconds = state, seconds
        self.checkpoints += 1
        if self._due < len(FRAMES) and seconds >= FRAMES[self._due] * self._budget:
            while self._due < len(FRAMES) and seconds >= FRAMES[self._due] * self._budget:
                self._due += 1
            if sum(len(kept) for _, kept in self.film) + len(state) <= FILM_BYTES:
                self.film.append((seconds, state))
        self.waiting(seconds)

    def loss(self, loss: float, seconds: float) -> None:
        """Keep it, if it is a number; of many, every second, fourth, ..."""
        self._loss = loss
        if math.isfinite(loss):
            if self._heard % self._stride == 0:
                self.losses.append((seconds, loss))
            self._heard += 1
            if len(self.losses) > LOSSES:
                self.losses = self.losses[::2]
                self._stride *= 2
        self.waiting(seconds)

    def waiting(self, seconds: float) -> None:
        """Time goes by."""
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_SECONDS:
            self._told = now
            self._tell(seconds, self._loss)
