"""Skill by octave as lines: one entry with its interval, the reference entries, and a rival."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.scoring.metrics import depth, resampled_means
from leaderboard.charts.plot_area import PlotArea
from leaderboard.charts.scales import Scale, path, spread

Array = NDArray[np.float64]

# Names stand in a column to the right of the lines, or on a telephone in two columns below them.
WIDE: Final = PlotArea.with_margins(860, 310, left=44, right=206, top=14, bottom=36)
NARROW: Final = PlotArea.with_margins(380, 300, left=34, right=10, top=14, bottom=36)
_ROW: Final = 18
_SWATCH: Final = 22
_NARROW_COLUMNS: Final = 2
# With more lines than this nothing can be told apart; the references nearest to the entry are kept.
_MAX_LINES: Final = 14
# The x axis ends one octave after the last skill above this.
_VISIBLE_SKILL: Final = 0.02
_MIN_OCTAVES: Final = 6
# CSS classes r0 .. r5: references differ by shade and dash.
REFERENCE_STYLES: Final = 6
_TAILS: Final = (0.025, 0.975)
# Of skills in a drawing, of which pages hold the numbers: more digits would be more than anybody sees.
_DECIMALS: Final = 3


@dataclass(frozen=True)
class Entrant:
    """Whose skill is drawn: (chains, octaves), or (1, octaves) where only the mean is known."""

    name: str
    number: int
    by_chain: Array
    role: str  # "own", "rival" or "reference"


@dataclass(frozen=True)
class SkillLine:
    """A skill curve as SVG paths; `band` is its 95 % interval, or ''. Its name stands at (x, y)."""

    name: str
    link: int
    role: str
    style: str  # a CSS class of references, else ''
    path: str
    band: str
    x: float
    y: float
    swatch: float = _SWATCH


@dataclass(frozen=True)
class OctavePoint:
    """One octave of the page's own entry: its skill with its interval, and the rival's skill."""

    octave: int
    skill: float
    low: float
    high: float
    rival: float | None
    x: float
    y: float


@dataclass(frozen=True)
class SkillPlot:
    """The plot; `lines` are ordered from back to front, the page's own entry last."""

    lines: tuple[SkillLine, ...]
    fill: str
    points: tuple[OctavePoint, ...]
    xticks: tuple[tuple[int, float], ...]
    yticks: tuple[tuple[float, float], ...]
    half: float
    step: float
    frame: PlotArea


def intervals(by_chain: Array) -> tuple[Array, Array]:
    """The 95 % bootstrap interval of each octave's skill over the chains: (octaves,) low and high."""
    low, high = np.quantile(resampled_means(by_chain), _TAILS, axis=0).round(_DECIMALS)
    return low, high


def mean_skill(by_chain: Array) -> Array:
    """(octaves,) mean over the chains, as it is drawn."""
    mean: Array = by_chain.mean(axis=0).round(_DECIMALS)
    return mean


def skill_plot(own: Entrant, others: Sequence[Entrant], area: PlotArea = WIDE) -> SkillPlot:
    """The plot of an entry among others; those with another number of octaves are left out.

    Args:
        own: the entry that the page is about.
        others: references and at most one rival.
        area: WIDE or NARROW.
    """
    shown = _chosen(own, others)
    means = [mean_skill(one.by_chain) for one in shown]
    count = visible_octaves(means)
    labels, area = _labels(means, count, area)
    x, y = area.x_scale(0, count - 1), area.y_scale(0, 1)
    references = [i for i, one in enumerate(shown) if one.role == "reference"]
    references.sort(key=lambda i: labels[i][::-1])
    styles = {index: f"r{rank % REFERENCE_STYLES}" for rank, index in enumerate(references)}
    lines = tuple(
        SkillLine(
            name=one.name,
            link=one.number,
            role=one.role,
            style=styles.get(index, ""),
            path=_line(x, y, means[index][:count]),
            band=_band(x, y, one, count),
            x=labels[index][0],
            y=labels[index][1],
        )
        for index, one in enumerate(shown)
    )
    rival = next((mean for one, mean in zip(shown, means, strict=True) if one.role == "rival"), None)
    low, high = intervals(own.by_chain)
    skill = means[-1]
    points = tuple(
        OctavePoint(
            octave=k,
            skill=float(skill[k]),
            low=float(low[k]),
            high=float(high[k]),
            rival=None if rival is None else float(rival[k]),
            x=x(k),
            y=y(float(skill[k])),
        )
        for k in range(count)
    )
    return SkillPlot(
        lines=lines,
        fill=f"{lines[-1].path}L{x(count - 1):g},{y(0):g}L{x(0):g},{y(0):g}Z",
        points=points,
        xticks=tuple((k, x(k)) for k in range(0, count, 2 if count <= 14 else 4)),
        yticks=tuple((v, y(v)) for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        half=y(0.5),
        step=round((area.right - area.left) / (count - 1), 2),
        frame=area,
    )


def _chosen(own: Entrant, others: Sequence[Entrant]) -> list[Entrant]:
    """The entrants to draw, from back to front."""
    comparable = [one for one in others if one.by_chain.shape[1] == own.by_chain.shape[1]]
    rivals = [one for one in comparable if one.role == "rival"]
    level = float(own.by_chain.mean(axis=0).sum())
    references = [one for one in comparable if one.role != "rival"]
    nearest = sorted(references, key=lambda one: abs(float(one.by_chain.mean(axis=0).sum()) - level))
    kept = nearest[: max(0, _MAX_LINES - len(rivals) - 1)]
    return [*(one for one in references if one in kept), *rivals, own]


def visible_octaves(means: Sequence[Array | Sequence[float]]) -> int:
    """How many octaves the x axis holds: beyond them every skill is close to 0."""
    visible = [np.flatnonzero(np.asarray(mean) > _VISIBLE_SKILL) for mean in means]
    last = max((int(where.max(initial=0)) for where in visible), default=0)
    return min(len(means[0]), max(last + 2, _MIN_OCTAVES))


def _labels(means: Sequence[Array], count: int, area: PlotArea) -> tuple[list[tuple[float, float]], PlotArea]:
    """Positions of the names, none on a line or another name, and the area with room for them.

    Deeper entries stand higher. In a wide plot a name stands as near to its line's end as the others allow.
    """
    order = sorted(range(len(means)), key=lambda i: (-float(means[i][count - 1]), -depth(means[i]), i))
    found = [(0.0, 0.0)] * len(means)
    if area.width == WIDE.width:
        y = area.y_scale(0, 1)
        wanted = [y(float(means[i][count - 1])) for i in order]
        for index, place in zip(order, spread(wanted, _ROW, area.top + _ROW / 2, area.bottom), strict=True):
            found[index] = (area.right + 12, place + 4)
        return found, area
    rows = math.ceil(len(means) / _NARROW_COLUMNS)
    for k, index in enumerate(order):
        column, row = divmod(k, rows)
        x = area.left - 24 + column * (area.width - 10) / _NARROW_COLUMNS
        found[index] = (round(x, 2), area.height + _ROW * (row + 0.7))
    return found, replace(area, height=area.height + _ROW * rows + 6)


def _line(x: Scale, y: Scale, values: Array) -> str:
    return path([x(k) for k in range(len(values))], [y(float(v)) for v in values])


def _band(x: Scale, y: Scale, one: Entrant, count: int) -> str:
    """The closed path around the 95 % interval; '' for references and where there is one chain only."""
    if one.role == "reference" or len(one.by_chain) < 2:
        return ""
    low, high = intervals(one.by_chain)
    back = "L".join(f"{x(k):g},{y(float(low[k])):g}" for k in reversed(range(count)))
    return f"{_line(x, y, high[:count])}L{back}Z"
