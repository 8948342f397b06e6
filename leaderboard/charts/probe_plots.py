"""What a page shows of each probe: its sentence, its figure, and its own plot with thresholds as lines."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from challenge.results.report import Integrity, ProbeResult
from challenge.results.result_visuals import PlotData, ResultVisuals, Series
from leaderboard.charts.scales import Scale, apart, covering, dots, label, path
from leaderboard.formatting import anchor

WIDTH: Final = 360
HEIGHT: Final = 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 14, 40
_LINE_GAP: Final = 14
# The classes k0 .. k5 of the style sheet; more series than that are taken for steps of one thing, s0 .. s9.
COLOURS: Final = 6
SHADES: Final = 10
# Beyond this many points a line says more than dots on it.
_DOTS: Final = 80
_MOST: Final = 2000
# Of names below the axis, so many letters fit in the plot's width.
_LETTERS: Final = 50
_SHORTEST: Final = 4
_ROWS: Final = 3
_LEADING: Final = 13


@dataclass(frozen=True)
class Drawn:
    """One series as SVG paths; either may be ''."""

    name: str
    colour: str  # a class of the style sheet: k0 .. k5 apart from each other, s0 .. s9 one after the other
    line: str
    dots: str


@dataclass(frozen=True)
class Line:
    """A named horizontal line, and where its name stands."""

    name: str
    y: float
    text: float


@dataclass(frozen=True)
class ProbePlot:
    """The SVG of a probe's plot."""

    x_label: str
    y_label: str
    series: tuple[Drawn, ...]
    lines: tuple[Line, ...]
    xticks: tuple[tuple[tuple[str, ...], float], ...]  # lines of text, and where they stand
    yticks: tuple[tuple[str, float], ...]
    summary: str
    height: int
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    leading: int = _LEADING


@dataclass(frozen=True)
class ProbeCard:
    """A probe as a page shows it; `anchor` is where its explanation stands."""

    probe: ProbeResult
    verdict: str  # "passed", "flagged" or "failed"
    anchor: str
    plot: ProbePlot | None


def cards(found: Integrity, evidence: ResultVisuals) -> tuple[ProbeCard, ...]:
    """Every probe of a report with its plot; the plots of probes that decide nothing are left to `others`."""
    plots = {one.probe: one for one in evidence.plots}
    return tuple(
        ProbeCard(probe, _verdict(probe), anchor(probe.name), drawn(plots.get(probe.name)))
        for probe in found.probes
    )


def others(found: Integrity, evidence: ResultVisuals) -> tuple[tuple[str, ProbePlot], ...]:
    """Plots of probes that decide nothing and so stand in no report, by name."""
    known = {probe.name for probe in found.probes}
    made = ((one.probe, drawn(one)) for one in evidence.plots if one.probe not in known)
    return tuple((name, plot) for name, plot in made if plot is not None)


def _verdict(probe: ProbeResult) -> str:
    if not probe.passed:
        return "failed"
    return "flagged" if probe.flagged else "passed"


def drawn(shown: PlotData | None) -> ProbePlot | None:
    """The plot of evidence; None where there is none, or nothing in it that can be drawn."""
    try:
        return plot(shown) if shown else None
    except (ValueError, TypeError):
        # It comes from a worker, which may be of another version: a page without a plot beats no page.
        return None


def plot(shown: PlotData) -> ProbePlot:
    """The plot of evidence.

    Raises:
        ValueError: it holds nothing that can be drawn.
    """
    x = _x_scale(shown)
    ys = [v for one in shown.series for v in one.y] + [height for _, height in shown.lines]
    y = covering(ys, HEIGHT - _BOTTOM, _TOP)
    heights = [y(height) for _, height in shown.lines]
    names = apart([h - 5 for h in heights], _LINE_GAP)
    xticks = _names(shown.categories, x) if shown.categories else _numbers(shown, x)
    return ProbePlot(
        x_label=shown.x_label,
        y_label=shown.y_label,
        series=tuple(_series(one, k, len(shown.series), shown, x, y) for k, one in enumerate(shown.series)),
        lines=tuple(Line(name, h, t) for (name, _), h, t in zip(shown.lines, heights, names, strict=True)),
        xticks=xticks,
        height=HEIGHT + _LEADING * (max((len(lines) for lines, _ in xticks), default=1) - 1),
        yticks=y.ticks(4),
        summary=_summary(shown),
    )


def _x_scale(shown: PlotData) -> Scale:
    start, end = _LEFT, WIDTH - _RIGHT
    if shown.categories:
        return Scale(-0.5, len(shown.categories) - 0.5, start, end)
    values = [v for one in shown.series for v in one.x]
    if shown.log_x:
        return covering(values, start, end, log=True)
    low, high = min(values, default=0.0), max(values, default=1.0)
    return Scale(low, high if high > low else low + 1, start, end)


def _series(one: Series, k: int, count: int, shown: PlotData, x: Scale, y: Scale) -> Drawn:
    pairs = [(a, b) for a, b in zip(one.x, one.y, strict=True) if a > 0 or not shown.log_x][:_MOST]
    # Things on an axis have no order for a line to follow; series stand side by side on them.
    aside = (k - (count - 1) / 2) * min(0.7 / count, 0.22) if shown.categories else 0.0
    xs, ys = [x(a + aside) for a, _ in pairs], [y(b) for _, b in pairs]
    joined = bool(pairs) and not shown.categories and len(pairs) > 1
    return Drawn(
        name=one.name,
        colour=f"k{k}" if count <= COLOURS else f"s{round(k * (SHADES - 1) / (count - 1))}",
        line=path(xs, ys) if joined else "",
        dots=dots(xs, ys) if len(pairs) <= _DOTS or not joined else "",
    )


def _numbers(shown: PlotData, x: Scale) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Ticks; between whole numbers there are none where the points lie on whole numbers alone."""
    whole = all(v == int(v) for one in shown.series for v in one.x) and not shown.log_x
    return tuple(((name,), place) for name, place in x.ticks(least=1.0 if whole else 0.0))


def _names(categories: Sequence[str], x: Scale) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Names below the axis: in lines, shortened, and every so many left out, where they would touch."""
    longest = max(_SHORTEST, _LETTERS // len(categories))
    every = -(-len(categories) * _SHORTEST // _LETTERS)
    return tuple((_lines(name, longest), x(k)) for k, name in enumerate(categories) if k % every == 0)


def _lines(name: str, longest: int) -> tuple[str, ...]:
    """A name in at most three lines of so many letters; what is too long ends in an ellipsis."""
    lines = textwrap.wrap(name, longest, max_lines=_ROWS, placeholder="…", break_long_words=False) or [name]
    return tuple(line if len(line) <= longest else f"{line[: longest - 1]}…" for line in lines)


def _summary(shown: PlotData) -> str:
    """The plot for those who do not see it."""
    parts = [
        f"{one.name or shown.y_label}: {len(one.y)} points from {label(min(one.y))} to {label(max(one.y))}"
        for one in shown.series
        if one.y
    ]
    parts += [f"{name} at {label(height)}" for name, height in shown.lines]
    return f"{shown.y_label} against {shown.x_label}. " + "; ".join(parts) + "."
