"""The geometry of the plots; templates only write it down as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 860
HEIGHT: Final = 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 14, 36


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


@dataclass(frozen=True)
class Point:
    """One octave of a curve."""

    octave: int
    skill: float
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A skill curve as an SVG path, and where its name stands."""

    name: str
    link: int
    path: str
    label: tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """The plot of a submission's skill by octave, against the reference entries."""

    line: Line
    area: str
    band: str
    points: tuple[Point, ...]
    others: tuple[Line, ...]
    xticks: tuple[tuple[int, float], ...]
    yticks: tuple[tuple[float, float], ...]
    half: float
    step: float
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def curve(
    name: str,
    number: int,
    by_chain: NDArray[np.float64],
    others: Sequence[tuple[str, int, Sequence[float]]],
) -> Curve:
    """The plot of (chains, octaves) skills.

    `others` are names, submission numbers and skills of reference entries.
    """
    skills = by_chain.mean(axis=0)
    # The normal approximation is good enough for the eye; the score's own interval is a bootstrap.
    error = 1.96 * by_chain.std(axis=0) / math.sqrt(len(by_chain))
    octaves = len(skills)
    step = (WIDTH - _LEFT - _RIGHT) / max(octaves - 1, 1)

    def x(octave: float) -> float:
        return round(_LEFT + step * octave, 2)

    def y(skill: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * min(max(skill, 0.0), 1.0), 2)

    def path(values: Sequence[float]) -> str:
        return "M" + "L".join(f"{x(k)},{y(v)}" for k, v in enumerate(values))

    def line(name: str, number: int, values: Sequence[float]) -> Line:
        # The name stands where the curve crosses one half: there the curves are farthest apart.
        below = next((k for k, v in enumerate(values) if v < 0.5), octaves - 1)
        before = max(below - 1, 0)
        rise = values[before] - values[below]
        crossing = (
            before + (values[before] - 0.5) / rise if rise > 0 and values[before] >= 0.5 else float(below)
        )
        return Line(name, number, path(values), (x(crossing), y(0.5)))

    base = f"L{x(octaves - 1)},{y(0)}L{x(0)},{y(0)}Z"
    upper, lower = skills + error, skills - error
    back = "L".join(f"{x(k)},{y(lower[k])}" for k in reversed(range(octaves)))
    own = line(name, number, list(skills))
    return Curve(
        line=own,
        area=own.path + base,
        band=f"{path(list(upper))}L{back}Z",
        points=tuple(Point(k, float(s), x(k), y(s)) for k, s in enumerate(skills)),
        others=tuple(line(n, i, v) for n, i, v in others if len(v) == octaves),
        xticks=tuple((k, x(k)) for k in range(0, octaves, 4)),
        yticks=tuple((v, y(v)) for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        half=y(0.5),
        step=step,
    )
