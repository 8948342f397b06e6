"""The charts of the probes: one plot each, with the thresholds as horizontal lines."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from challenge.results.report import Integrity, ProbeResult
from challenge.results.result_visuals import PlotData, ResultVisuals, Series
from leaderboard.charts.plot_area import PlotArea
from leaderboard.charts.scales import Scale, apart, dots, label, path
from leaderboard.formatting import anchor

_AREA: Final = PlotArea.with_margins(360, 230, left=46, right=14, top=14, bottom=40)
HEIGHT: Final = _AREA.height
_LINE_GAP: Final = 14
# CSS classes: k0 .. k5 are distinct colours; more series than that get the ordered colours s0 .. s9.
COLOURS: Final = 6
SHADES: Final = 10
# Beyond this many points a line is drawn without dots.
_MAX_DOTS: Final = 80
_MAX_POINTS: Final = 2000
# Letters of category names that fit side by side below the axis.
_LETTERS: Final = 50
_SHORTEST: Final = 4
_ROWS: Final = 3
_LEADING: Final = 13


@dataclass(frozen=True)
class SeriesPaths:
    """One series as SVG paths; either may be ''."""

    name: str
    colour: str  # a class of the style sheet: k0 .. k5 apart from each other, s0 .. s9 one after the other
    line: str
    dots: str


@dataclass(frozen=True)
class ThresholdLine:
    """A named horizontal line: its y, and the y of its name."""

    name: str
    y: float
    text: float


@dataclass(frozen=True)
class ProbePlot:
    """The SVG of a probe's plot."""

    x_label: str
    y_label: str
    series: tuple[SeriesPaths, ...]
    lines: tuple[ThresholdLine, ...]
    xticks: tuple[tuple[tuple[str, ...], float], ...]  # (lines of text, x)
    yticks: tuple[tuple[str, float], ...]
    summary: str
    height: int  # of the drawing: that of `frame`, and room for category names of several lines
    frame: PlotArea = _AREA
    leading: int = _LEADING


@dataclass(frozen=True)
class ProbeCard:
    """A probe as a page shows it; `anchor` is the id of its explanation on /integrity."""

    probe: ProbeResult
    verdict: str  # "passed", "flagged" or "failed"
    anchor: str
    plot: ProbePlot | None


def cards(found: Integrity, evidence: ResultVisuals) -> tuple[ProbeCard, ...]:
    """Every probe of a report with its plot; for plots of probes outside the report see `others`."""
    plots = {one.probe: one for one in evidence.plots}
    return tuple(
        ProbeCard(probe, _verdict(probe), anchor(probe.name), plot_or_none(plots.get(probe.name)))
        for probe in found.probes
    )


def others(found: Integrity, evidence: ResultVisuals) -> tuple[tuple[str, ProbePlot], ...]:
    """Plots of informative probes, which have no result in the report: (name, plot)."""
    known = {probe.name for probe in found.probes}
    made = ((one.probe, plot_or_none(one)) for one in evidence.plots if one.probe not in known)
    return tuple((name, plot) for name, plot in made if plot is not None)


def _verdict(probe: ProbeResult) -> str:
    if not probe.passed:
        return "failed"
    return "flagged" if probe.flagged else "passed"


def plot_or_none(shown: PlotData | None) -> ProbePlot | None:
    """The plot of evidence; None where there is no evidence or none that can be drawn."""
    try:
        return plot(shown) if shown else None
    except (ValueError, TypeError):
        # Evidence comes from a worker that may run another version: show the page without the plot.
        return None


def plot(shown: PlotData) -> ProbePlot:
    """The plot of evidence.

    Raises:
        ValueError: the evidence is empty or inconsistent.
    """
    x = _x_scale(shown)
    ys = [v for one in shown.series for v in one.y] + [height for _, height in shown.lines]
    y = _AREA.y_covering(ys)
    heights = [y(height) for _, height in shown.lines]
    names = apart([h - 5 for h in heights], _LINE_GAP)
    xticks = _names(shown.categories, x) if shown.categories else _numbers(shown, x)
    return ProbePlot(
        x_label=shown.x_label,
        y_label=shown.y_label,
        series=tuple(_series(one, k, len(shown.series), shown, x, y) for k, one in enumerate(shown.series)),
        lines=tuple(
            ThresholdLine(name, h, t) for (name, _), h, t in zip(shown.lines, heights, names, strict=True)
        ),
        xticks=xticks,
        height=HEIGHT + _LEADING * (max((len(lines) for lines, _ in xticks), default=1) - 1),
        yticks=y.ticks(4),
        summary=_summary(shown),
    )


def _x_scale(shown: PlotData) -> Scale:
    if shown.categories:
        return _AREA.x_scale(-0.5, len(shown.categories) - 0.5)
    values = [v for one in shown.series for v in one.x]
    if shown.log_x:
        return _AREA.x_covering(values, log=True)
    low, high = min(values, default=0.0), max(values, default=1.0)
    return _AREA.x_scale(low, high if high > low else low + 1)


def _series(one: Series, k: int, count: int, shown: PlotData, x: Scale, y: Scale) -> SeriesPaths:
    pairs = [(a, b) for a, b in zip(one.x, one.y, strict=True) if a > 0 or not shown.log_x][:_MAX_POINTS]
    # Categories have no order, so no line joins them; series stand side by side within one.
    aside = (k - (count - 1) / 2) * min(0.7 / count, 0.22) if shown.categories else 0.0
    xs, ys = [x(a + aside) for a, _ in pairs], [y(b) for _, b in pairs]
    joined = bool(pairs) and not shown.categories and len(pairs) > 1
    return SeriesPaths(
        name=one.name,
        colour=f"k{k}" if count <= COLOURS else f"s{round(k * (SHADES - 1) / (count - 1))}",
        line=path(xs, ys) if joined else "",
        dots=dots(xs, ys) if len(pairs) <= _MAX_DOTS or not joined else "",
    )


def _numbers(shown: PlotData, x: Scale) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Ticks; only at whole numbers where all points lie on whole numbers."""
    whole = all(v == int(v) for one in shown.series for v in one.x) and not shown.log_x
    return tuple(((name,), place) for name, place in x.ticks(least=1.0 if whole else 0.0))


def _names(categories: Sequence[str], x: Scale) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Category names below the axis, wrapped, shortened, and every n-th only where they would touch."""
    longest = max(_SHORTEST, _LETTERS // len(categories))
    every = -(-len(categories) * _SHORTEST // _LETTERS)
    return tuple((_lines(name, longest), x(k)) for k, name in enumerate(categories) if k % every == 0)


def _lines(name: str, longest: int) -> tuple[str, ...]:
    """A name wrapped to at most three lines of `longest` letters; the rest becomes an ellipsis."""
    lines = textwrap.wrap(name, longest, max_lines=_ROWS, placeholder="…", break_long_words=False) or [name]
    return tuple(line if len(line) <= longest else f"{line[: longest - 1]}…" for line in lines)


def _summary(shown: PlotData) -> str:
    """The plot in words, for screen readers."""
    parts = [
        f"{one.name or shown.y_label}: {len(one.y)} points from {label(min(one.y))} to {label(max(one.y))}"
        for one in shown.series
        if one.y
    ]
    parts += [f"{name} at {label(height)}" for name, height in shown.lines]
    return f"{shown.y_label} against {shown.x_label}. " + "; ".join(parts) + "."
