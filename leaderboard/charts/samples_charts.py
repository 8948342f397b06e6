"""The charts of a samples-track report: each target's skill by octave, and its loss during the fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import SamplesReport, TargetResult
from challenge.results.verdicts import EXPLANATIONS, Reason
from leaderboard.charts.plot_area import PlotArea
from leaderboard.charts.probe_plots import ProbePlot, plot_or_none
from leaderboard.charts.scales import path
from leaderboard.charts.skill_curve import visible_octaves

_AREA: Final = PlotArea.with_margins(860, 250, left=44, right=16, top=14, bottom=36)
KINDS: Final = {
    "mandelbrot": "The Mandelbrot set, warped",
    "cousin": "A cousin of it, warped",
    "polynomial": "A random polynomial, warped",
}


@dataclass(frozen=True)
class TargetChart:
    """One target; `film` counts the frames that may be shown; `losses` is None while they are secret."""

    number: int
    result: TargetResult
    title: str
    colour: str
    line: str
    how: str
    film: int
    losses: ProbePlot | None


@dataclass(frozen=True)
class SamplesChart:
    """One plot of all targets' skills and their mean, whose area is the score."""

    targets: tuple[TargetChart, ...]
    mean: str
    area: str
    xticks: tuple[tuple[int, float], ...]
    yticks: tuple[tuple[float, float], ...]
    half: float
    frame: PlotArea = _AREA


def samples_chart(report: SamplesReport, evidence: ResultVisuals, *, revealed: bool) -> SamplesChart:
    """The chart of a report; unless `revealed`, nothing that gives the season's secret targets away."""
    skills = (report.skill, *(one.skill for one in report.targets))
    last = max(min(len(report.skill), visible_octaves(skills)) - 1, 1)
    plots = {one.probe: one for one in evidence.plots} if revealed else {}

    x, y = _AREA.x_scale(0, last), _AREA.y_scale(0, 1)

    def line(skills: Sequence[float]) -> str:
        return path([x(k) for k in range(last + 1)], [y(skill) for skill in skills[: last + 1]])

    targets = []
    for index, one in enumerate(report.targets):
        losses = plots.get(f"target {index + 1}")
        name = losses.series[0].name if losses and losses.series else ""
        targets.append(
            TargetChart(
                number=index + 1,
                result=one,
                title=(one.name or name if revealed else "") or KINDS.get(one.kind, one.kind),
                colour=f"k{index + 1}",
                line=line(one.skill),
                how=how_it_ended(one),
                film=len(one.film) if revealed else 0,
                losses=plot_or_none(losses),
            )
        )
    mean = line(report.skill)
    return SamplesChart(
        targets=tuple(targets),
        mean=mean,
        area=f"{mean}L{x(last)},{y(0)}L{x(0)},{y(0)}Z",
        xticks=tuple((k, x(k)) for k in range(0, last + 1, 2 if last <= 14 else 4)),
        yticks=tuple((v, y(v)) for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        half=y(0.5),
    )


def how_it_ended(result: TargetResult) -> str:
    """How a fit ended and which state was judged, as a sentence; without times that are withheld."""
    at = f" at {result.seconds:.1f} s" if result.seconds else ""
    if result.ended == "returned":
        return f"The fit returned{at.replace('at', 'after')}."
    judged = f"Judged as it was at {result.judged_on:.1f} s." if at else "Judged at its last checkpoint."
    if result.ended == "killed":
        return f"The fit ran over its time and was killed{at}. {judged}"
    known = {reason.value: EXPLANATIONS[reason].sentence for reason in Reason}
    return f"The fit ended{at}: {known.get(result.reason, result.reason)} {judged}"
