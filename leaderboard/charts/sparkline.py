"""The scale of the board's bars, and its smallest plot; templates only write them down as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """The scale of the board's bars: from 0 to `end` octaves, with ticks."""

    end: int
    ticks: tuple[int, ...]

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return min(max(value / self.end, 0.0), 1.0)


def profile(skill: Sequence[float], side: int) -> str:
    """Skill by octave as an area that fills a square: what stands for an entry without a picture."""
    step = side / max(len(skill), 1)
    path = f"M0,{side}"
    for value in skill:
        path += f"V{side * (1 - value):.4g}h{step:.4g}"
    return f"{path}V{side}Z"


def axis(highest: float, octaves: int) -> Axis:
    """An axis that holds the best entry with air to the right."""
    end = min(octaves, 4 * math.ceil((highest * 1.1 + 0.5) / 4)) if highest > 0 else min(octaves, 12)
    end = max(end, min(octaves, 8))
    step = 2 if end <= 12 else 4
    return Axis(end, tuple(range(0, end + 1, step)))
