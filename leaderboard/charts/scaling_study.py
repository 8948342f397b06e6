"""Octaves of five kinds of networks against a quantity: what /learn/scaling shows without scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from leaderboard.charts.scales import Scale, path, spread

KINDS: Final = ("plain", "taylor", "fourier", "random", "grid")
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 560, 16, 290
_ROW: Final = 16


@dataclass(frozen=True)
class StudyLine:
    """One kind: its line, its octaves at the end, and where its name stands."""

    kind: str
    path: str
    octaves: float
    y: float


@dataclass(frozen=True)
class StudyPlot:
    """The plot; ticks are (label, coordinate)."""

    lines: tuple[StudyLine, ...]
    xticks: tuple[tuple[str, float], ...]
    yticks: tuple[tuple[str, float], ...]


def study_plot(runs: Sequence[dict[str, Any]], axis: str) -> StudyPlot:
    """The plot of the runs on an axis, such as "samples", which is drawn logarithmically."""
    found = [run for run in runs if run["axis"] == axis]
    points = {
        kind: sorted((run[axis], run["octaves"]) for run in found if run["kind"] == kind) for kind in KINDS
    }
    values = [value for line in points.values() for value, _ in line]
    octaves = [value for line in points.values() for _, value in line]
    x = Scale(min(values), max(values), _LEFT, _RIGHT, log=True)
    y = Scale(0.0, max(octaves) + 0.5, _BOTTOM, _TOP)
    ends = sorted(KINDS, key=lambda kind: -points[kind][-1][1])
    places = spread([y(points[kind][-1][1]) for kind in ends], _ROW, _TOP, _BOTTOM)
    return StudyPlot(
        lines=tuple(
            StudyLine(
                kind=kind,
                path=path([x(value) for value, _ in points[kind]], [y(o) for _, o in points[kind]]),
                octaves=points[kind][-1][1],
                y=places[ends.index(kind)] + 4,
            )
            for kind in KINDS
        ),
        xticks=x.ticks(4),
        yticks=y.ticks(5, least=1.0),
    )
