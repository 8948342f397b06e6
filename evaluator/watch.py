"""What an evaluation reports while it runs, and how its seconds are measured."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from challenge.results.result_visuals import ResultVisuals
from challenge.results.verdicts import Status


class Watch(Protocol):
    """Receives the progress of an evaluation, and the pictures and evidence that it makes."""

    def status(self, status: Status, progress: float, message: str) -> None:
        """A step begins; `progress` in [0, 1] of the whole evaluation."""

    def picture(self, name: str, png: bytes) -> None:
        """A picture was drawn, named like "seahorse-valley/07/model.png"."""

    def evidence(self, evidence: ResultVisuals) -> None:
        """What the page shows of the controls and the probes."""


class Unwatched:
    """A `Watch` that tells nobody."""

    def status(self, status: Status, progress: float, message: str) -> None:
        """Nothing."""

    def picture(self, name: str, png: bytes) -> None:
        """Nothing."""

    def evidence(self, evidence: ResultVisuals) -> None:
        """Nothing."""


@dataclass
class Clock:
    """Wall-clock seconds of an evaluation and of its parts, for the report."""

    _began: float = field(default_factory=time.perf_counter)
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the clock was made."""
        return time.perf_counter() - self._began

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what is done inside, and add it to the part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.perf_counter() - began
