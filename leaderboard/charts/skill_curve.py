"""Skill by octave as lines: one entry with its interval, the reference entries, and a rival."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.scoring.metrics import resampled_means
from leaderboard.charts.scales import path

Array = NDArray[np.float64]

WIDTH: Final = 860
# Of a telephone: letters keep their size.
NARROW: Final = 380
HEIGHT: Final = 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 14, 36
_ROW: Final = 21
# Where every curve has fallen by this share of the width, names stand beside them, so far to the right.
_ROOM: Final = 0.64
_ASIDE: Final = 26
_LOWEST: Final = 0.42
# Beyond this share there is no room for a name to the right of its line.
_LATE: Final = 0.74
_TAILS: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Entrant:
    """Whose skill is drawn: (chains, octaves), or (1, octaves) where only the mean is known."""

    name: str
    number: int
    by_chain: Array
    role: str  # "own", "rival" or "reference"


@dataclass(frozen=True)
class Label:
    """Where a line's name stands, and the leader (x1, y1, x2, y2) that ties it to its line."""

    x: float
    y: float
    anchor: str  # "start" or "end"
    leader: tuple[float, float, float, float]


@dataclass(frozen=True)
class Line:
    """A skill curve as SVG paths; `band` is its 95 % interval, or ''."""

    name: str
    link: int
    role: str
    path: str
    band: str
    label: Label


@dataclass(frozen=True)
class Point:
    """One octave of the entry that the page is about: its skill, its interval, and the rival's skill."""

    octave: int
    skill: float
    low: float
    high: float
    rival: float | None
    x: float
    y: float


@dataclass(frozen=True)
class Curve:
    """The plot; `lines` come from back to front, the page's own entry last."""

    lines: tuple[Line, ...]
    area: str
    points: tuple[Point, ...]
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


def intervals(by_chain: Array) -> tuple[Array, Array]:
    """The 95 % bootstrap interval of each octave's skill over the chains: (octaves,) low and high."""
    low, high = np.quantile(resampled_means(by_chain), _TAILS, axis=0)
    return low, high


def curve(own: Entrant, others: Sequence[Entrant], width: int = WIDTH) -> Curve:
    """The plot of an entry among others; those with another number of octaves are left out.

    `width` is that of the drawing, in units of which a letter has a dozen.
    """
    octaves = own.by_chain.shape[1]
    frame = _Frame(octaves, width)
    shown = [one for one in others if one.by_chain.shape[1] == octaves]
    shown.sort(key=lambda one: one.role == "rival")
    shown.append(own)
    labels = _labels(frame, [one.by_chain.mean(axis=0) for one in shown])
    lines = tuple(_line(frame, one, label) for one, label in zip(shown, labels, strict=True))
    rival = next((one.by_chain.mean(axis=0) for one in shown if one.role == "rival"), None)
    skill, (low, high) = own.by_chain.mean(axis=0), intervals(own.by_chain)
    return Curve(
        lines=lines,
        area=f"{lines[-1].path}L{frame.x(octaves - 1)},{frame.y(0)}L{frame.x(0)},{frame.y(0)}Z",
        points=tuple(
            Point(
                k,
                float(skill[k]),
                float(low[k]),
                float(high[k]),
                None if rival is None else float(rival[k]),
                frame.x(k),
                frame.y(skill[k]),
            )
            for k in range(octaves)
        ),
        xticks=tuple((k, frame.x(k)) for k in range(0, octaves, 4)),
        yticks=tuple((v, frame.y(v)) for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        half=frame.y(0.5),
        step=frame.step,
        right=width - _RIGHT,
        width=width,
    )


class _Frame:
    """From octaves and skills to places."""

    def __init__(self, octaves: int, width: int) -> None:
        self.octaves = octaves
        self.width = width
        self.step = (width - _LEFT - _RIGHT) / max(octaves - 1, 1)

    def x(self, octave: float) -> float:
        return round(_LEFT + self.step * octave, 2)

    def y(self, skill: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * min(max(float(skill), 0.0), 1.0), 2)

    def line(self, values: Array) -> str:
        return path([self.x(k) for k in range(self.octaves)], [self.y(v) for v in values])


def _line(frame: _Frame, one: Entrant, label: Label) -> Line:
    band = ""
    if one.role != "reference" and len(one.by_chain) > 1:
        low, high = intervals(one.by_chain)
        back = "L".join(f"{frame.x(k):g},{frame.y(low[k]):g}" for k in reversed(range(frame.octaves)))
        band = f"{frame.line(high)}L{back}Z"
    return Line(one.name, one.number, one.role, frame.line(one.by_chain.mean(axis=0)), band, label)


def crossing(skill: Array, level: float = 0.5) -> float:
    """The octave at which a curve first falls below a level, linear between octaves; else the last."""
    below = np.flatnonzero(skill < level)
    if not below.size:
        return float(len(skill) - 1)
    first = int(below[0])
    if first == 0:
        return 0.0
    return float(first - 1 + (skill[first - 1] - level) / (skill[first - 1] - skill[first]))


def _labels(frame: _Frame, curves: Sequence[Array]) -> list[Label]:
    """A name for each curve; no two touch, and no curve runs through one where there is room beside them."""
    rightmost = frame.x(max(crossing(skill) for skill in curves))
    if rightmost < _LEFT + _ROOM * (frame.width - _LEFT - _RIGHT):
        return _beside(frame, curves, rightmost + _ASIDE)
    return _above(frame, curves)


def _beside(frame: _Frame, curves: Sequence[Array], x: float) -> list[Label]:
    """Names in a column right of all curves, the deepest on top, each tied to its curve at its own height."""
    order = sorted(range(len(curves)), key=lambda i: -crossing(curves[i]))
    made = [Label(0, 0, "start", (0, 0, 0, 0))] * len(curves)
    y = 0.0
    for row, index in enumerate(order):
        # A curve that begins lower than its row has its name there, as long as that is beside the others.
        begins = min(frame.y(curves[index][0]), frame.y(_LOWEST))
        y = max(_TOP + 22 if row == 0 else y + _ROW, begins)
        level = (frame.y(0) - y) / (frame.y(0) - frame.y(1))
        made[index] = Label(x, y + 4, "start", (frame.x(crossing(curves[index], level)), y, x - 5, y))
    return made


def _above(frame: _Frame, curves: Sequence[Array]) -> list[Label]:
    """Names in rows above the places where the curves cross one half, each tied to its own by a leader.

    Right of its leader a name is met by leaders farther right, so the farther left stand higher; those with
    names on the left, for want of room, come first, and the other way round.
    """
    xs = [frame.x(crossing(skill)) for skill in curves]
    late = [x > _LEFT + _LATE * (frame.width - _LEFT - _RIGHT) for x in xs]
    order = sorted(range(len(xs)), key=lambda i: (not late[i], -xs[i] if late[i] else xs[i]))
    made = [Label(0, 0, "start", (0, 0, 0, 0))] * len(curves)
    for row, index in enumerate(order):
        x, y = xs[index], _TOP + 16 + _ROW * row
        end = late[index]
        leader = (x, y - 10, x, max(frame.y(0.5), y))
        made[index] = Label(x - 6 if end else x + 6, y, "end" if end else "start", leader)
    return made
