"""The board's two plots: the Pareto front of octaves against bytes, and the record over time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leaderboard import formatting
from leaderboard.charts.plot_area import PlotArea
from leaderboard.charts.scales import Scale
from leaderboard.services.board_lists import ListedEntry

_AREA: Final = PlotArea.with_margins(560, 300, left=40, right=18, top=16, bottom=34)
# Beyond this many marks a plot is unreadable: the leading ones are all drawn, of the others the best.
_MAX_OTHERS: Final = 160


@dataclass(frozen=True)
class EntryMark:
    """An entry in a plot; `leads` where it is on the front, or set a record."""

    entry: ListedEntry
    x: float
    y: float
    leads: bool


@dataclass(frozen=True)
class EntryPlot:
    """Marks of entries, the line through those that lead, and ticks: (position, text)."""

    marks: tuple[EntryMark, ...]
    line: str
    xticks: tuple[tuple[float, str], ...]
    yticks: tuple[tuple[float, str], ...]
    frame: PlotArea = _AREA


def _octave_axis(entries: Sequence[ListedEntry], octaves: int) -> tuple[Scale, list[int]]:
    """The y scale from 0 to a little above the best entry, and its ticks."""
    highest = max(entry.octaves for entry in entries)
    end = min(octaves, max(2, math.ceil(highest * 1.08 + 0.2)))
    step = next(s for s in (1, 2, 4, 8) if end / s <= 6)

    return _AREA.y_scale(0, end), list(range(0, end + 1, step))


def _staircase(marks: Sequence[EntryMark], until: float) -> str:
    """A path from each leading mark to the height of the next, up to x = `until`."""
    leading = [mark for mark in marks if mark.leads]
    if not leading:
        return ""
    path = f"M{leading[0].x},{leading[0].y}"
    for mark in leading[1:]:
        path += f"H{mark.x}V{mark.y}"
    return f"{path}H{until}"


def pareto_plot(entries: Sequence[ListedEntry], octaves: int) -> EntryPlot | None:
    """Octaves against bytes on a logarithmic axis; the front holds the best for their size."""
    if not entries:
        return None
    y, ticks = _octave_axis(entries, octaves)
    sizes = [math.log2(entry.bytes) for entry in entries]
    low, high = math.floor(min(sizes)) - 0.5, math.ceil(max(sizes)) + 0.5

    x = _AREA.x_scale(low, high)

    marks, best = [], -1.0
    by_size = sorted(entries, key=lambda e: (e.bytes, -e.octaves))
    for entry in by_size:
        value = entry.octaves
        marks.append(EntryMark(entry, x(math.log2(entry.bytes)), y(value), value > best))
        best = max(best, value)
    step = next(s for s in (1, 2, 4, 8) if (high - low) / s <= 7)
    sizes_shown = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    return EntryPlot(
        marks=_thinned(marks),
        line=_staircase(marks, x(high)),
        xticks=tuple((x(k), formatting.size(2**k)) for k in sizes_shown),
        yticks=tuple((y(k), str(k)) for k in ticks),
    )


def record_plot(
    entries: Sequence[ListedEntry], octaves: int, until: datetime, holders: Sequence[ListedEntry]
) -> EntryPlot | None:
    """Octaves against the time of submission, with a step for each of the record `holders`."""
    if not entries:
        return None
    y, ticks = _octave_axis(entries, octaves)
    by_time = sorted(entries, key=lambda e: (e.created_at, e.submission_id))
    start = by_time[0].created_at
    length = max((until - start).total_seconds(), 60.0)

    seconds = Scale(0.0, length, _AREA.left + 8, _AREA.right)

    def x(moment: datetime) -> float:
        return seconds((moment - start).total_seconds())

    leading = {entry.evaluation_id for entry in holders}
    marks = [
        EntryMark(
            entry,
            x(entry.created_at),
            y(entry.octaves),
            entry.evaluation_id in leading,
        )
        for entry in by_time
    ]
    return EntryPlot(
        marks=_thinned(marks),
        line=_staircase(marks, _AREA.right),
        xticks=((x(start), _moment(start, length)), (_AREA.right, _moment(until, length))),
        yticks=tuple((y(k), str(k)) for k in ticks),
    )


def _moment(moment: datetime, length: float) -> str:
    return moment.strftime("%H:%M" if length < 36 * 3600 else "%Y-%m-%d")


def _thinned(marks: Sequence[EntryMark]) -> tuple[EntryMark, ...]:
    if len(marks) <= _MAX_OTHERS:
        return tuple(marks)
    others = sorted((mark for mark in marks if not mark.leads), key=lambda mark: mark.y)[:_MAX_OTHERS]
    return (*others, *(mark for mark in marks if mark.leads))
