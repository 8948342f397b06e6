"""The axis of the board's bars, and the profile shown for entries without a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BarAxis:
    """The axis of the board's bars: from 0 to `end` octaves, with ticks."""

    end: int
    ticks: tuple[int, ...]

    def share(self, value: float) -> float:
        """The position of a value as a share of the axis, clipped to [0, 1]."""
        return min(max(value / self.end, 0.0), 1.0)


def profile(skill: Sequence[float], side: int) -> str:
    """Skill by octave as an SVG area in a square; shown for an entry without a picture."""
    step = side / max(len(skill), 1)
    path = f"M0,{side}"
    for value in skill:
        path += f"V{side * (1 - value):.1f}h{step:.4g}"
    return f"{path}V{side}Z"


def bar_axis(highest: float, octaves: int) -> BarAxis:
    """An axis that ends a little beyond the best entry's `highest` octaves."""
    end = min(octaves, 4 * math.ceil((highest * 1.1 + 0.5) / 4)) if highest > 0 else min(octaves, 12)
    end = max(end, min(octaves, 8))
    step = 2 if end <= 12 else 4
    return BarAxis(end, tuple(range(0, end + 1, step)))
