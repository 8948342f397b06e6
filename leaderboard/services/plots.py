"""The scale of the board's bars; templates only write it down as SVG."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """The scale of the board's bars: from 0 to `end` octaves, with ticks."""

    end: int
    ticks: tuple[int, ...]

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return min(max(value / self.end, 0.0), 1.0)


def axis(highest: float, octaves: int) -> Axis:
    """An axis that holds the best entry with air to the right."""
    end = min(octaves, 4 * math.ceil((highest * 1.1 + 0.5) / 4)) if highest > 0 else min(octaves, 12)
    end = max(end, min(octaves, 8))
    step = 2 if end <= 12 else 4
    return Axis(end, tuple(range(0, end + 1, step)))
