"""The two plots above the board: the best so far over time, and octaves against bytes with their front."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leaderboard import formatting
from leaderboard.services.standings import Entry

WIDTH: Final = 560
HEIGHT: Final = 300
LEFT, RIGHT, TOP, BOTTOM = 40, 18, 16, 34
# More points than a plot can tell apart: the front is drawn whole, of the rest the best.
_MOST: Final = 160


@dataclass(frozen=True)
class Dot:
    """An entry in a plot; `leads` where it is on the front, or was the best of its day."""

    entry: Entry
    x: float
    y: float
    leads: bool


@dataclass(frozen=True)
class Plot:
    """Dots, the line through those that lead, and ticks: (place, text)."""

    dots: tuple[Dot, ...]
    line: str
    xticks: tuple[tuple[float, str], ...]
    yticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def _heights(entries: Sequence[Entry], octaves: int) -> tuple[Callable[[float], float], list[int]]:
    highest = max(entry.evaluation.octaves or 0.0 for entry in entries)
    end = min(octaves, max(2, math.ceil(highest * 1.08 + 0.2)))
    step = next(s for s in (1, 2, 4, 8) if end / s <= 6)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(value / end, 1.0), 1)

    return y, list(range(0, end + 1, step))


def _steps(dots: Sequence[Dot], until: float) -> str:
    """A staircase from each leading dot to the height of the next, to the right edge."""
    leading = [dot for dot in dots if dot.leads]
    if not leading:
        return ""
    path = f"M{leading[0].x},{leading[0].y}"
    for dot in leading[1:]:
        path += f"H{dot.x}V{dot.y}"
    return f"{path}H{until}"


def front(entries: Sequence[Entry], octaves: int) -> Plot | None:
    """Octaves against bytes, on a logarithmic scale: nobody on the front is beaten by anything as small."""
    if not entries:
        return None
    y, marks = _heights(entries, octaves)
    sizes = [math.log2(entry.submission.bytes) for entry in entries]
    low, high = math.floor(min(sizes)) - 0.5, math.ceil(max(sizes)) + 0.5

    def x(size: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (size - low) / (high - low), 1)

    dots, best = [], -1.0
    by_size = sorted(entries, key=lambda e: (e.submission.bytes, -(e.evaluation.octaves or 0.0)))
    for entry in by_size:
        value = entry.evaluation.octaves or 0.0
        dots.append(Dot(entry, x(math.log2(entry.submission.bytes)), y(value), value > best))
        best = max(best, value)
    step = next(s for s in (1, 2, 4, 8) if (high - low) / s <= 7)
    ticks = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    return Plot(
        dots=_fewer(dots),
        line=_steps(dots, x(high)),
        xticks=tuple((x(k), formatting.size(2**k)) for k in ticks),
        yticks=tuple((y(k), str(k)) for k in marks),
    )


def history(
    entries: Sequence[Entry], octaves: int, until: datetime, is_better: Callable[[Entry, Entry], bool]
) -> Plot | None:
    """Octaves against the moment of handing in; a step where the best so far was beaten significantly."""
    if not entries:
        return None
    y, marks = _heights(entries, octaves)
    by_time = sorted(entries, key=lambda e: (e.submission.created_at, e.submission.id))
    start = by_time[0].submission.created_at
    length = max((until - start).total_seconds(), 60.0)

    def x(moment: datetime) -> float:
        share = (moment - start).total_seconds() / length
        return round(LEFT + 8 + (WIDTH - LEFT - RIGHT - 8) * share, 1)

    dots: list[Dot] = []
    best: Entry | None = None
    for entry in by_time:
        value = entry.evaluation.octaves or 0.0
        leads = best is None or (value > (best.evaluation.octaves or 0.0) and is_better(entry, best))
        best = entry if leads else best
        dots.append(Dot(entry, x(entry.submission.created_at), y(value), leads))
    return Plot(
        dots=_fewer(dots),
        line=_steps(dots, WIDTH - RIGHT),
        xticks=((x(start), _moment(start, length)), (WIDTH - RIGHT, _moment(until, length))),
        yticks=tuple((y(k), str(k)) for k in marks),
    )


def _moment(moment: datetime, length: float) -> str:
    return moment.strftime("%H:%M" if length < 36 * 3600 else "%Y-%m-%d")


def _fewer(dots: Sequence[Dot]) -> tuple[Dot, ...]:
    if len(dots) <= _MOST:
        return tuple(dots)
    rest = sorted((dot for dot in dots if not dot.leads), key=lambda dot: dot.y)[:_MOST]
    return (*rest, *(dot for dot in dots if dot.leads))
