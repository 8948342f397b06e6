"""What a page shows of a report of the samples track: each target's skill by octave, and how its fit went."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import SamplesReport, TargetResult
from challenge.results.verdicts import EXPLANATIONS, Reason
from leaderboard.charts.probe_plots import ProbePlot, drawn
from leaderboard.charts.scales import path

WIDTH: Final = 860
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 14, 36
KINDS: Final = {
    "mandelbrot": "The Mandelbrot set, warped",
    "cousin": "A cousin of it, warped",
    "polynomial": "A random polynomial, warped",
}


@dataclass(frozen=True)
class Card:
    """One target; `film` counts the frames that may be shown, `losses` is None where they may not be."""

    number: int
    result: TargetResult
    title: str
    colour: str
    line: str
    how: str
    film: int
    losses: ProbePlot | None


@dataclass(frozen=True)
class Lessons:
    """The targets, and the plot of their skills with the mean that is the score."""

    cards: tuple[Card, ...]
    mean: str
    area: str
    xticks: tuple[tuple[int, float], ...]
    yticks: tuple[tuple[float, float], ...]
    half: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def lessons(report: SamplesReport, evidence: ResultVisuals, *, revealed: bool) -> Lessons:
    """What may be shown of a report: while the season's secret is kept, nothing that pictures its targets."""
    last = max(len(report.skill) - 1, 1)
    plots = {one.probe: one for one in evidence.plots} if revealed else {}

    def x(octave: int) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * octave / last, 1)

    def y(skill: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * skill, 1)

    def line(skills: Sequence[float]) -> str:
        return path([x(k) for k in range(len(skills))], [y(skill) for skill in skills])

    cards = []
    for index, one in enumerate(report.targets):
        losses = plots.get(f"target {index + 1}")
        name = losses.series[0].name if losses and losses.series else ""
        cards.append(
            Card(
                number=index + 1,
                result=one,
                title=(one.name or name if revealed else "") or KINDS.get(one.kind, one.kind),
                colour=f"k{index + 1}",
                line=line(one.skill),
                how=how_it_ended(one),
                film=len(one.film) if revealed else 0,
                losses=drawn(losses),
            )
        )
    mean = line(report.skill)
    return Lessons(
        cards=tuple(cards),
        mean=mean,
        area=f"{mean}L{x(len(report.skill) - 1)},{y(0)}L{x(0)},{y(0)}Z",
        xticks=tuple((k, x(k)) for k in range(0, len(report.skill), 4)),
        yticks=tuple((v, y(v)) for v in (0.0, 0.25, 0.5, 0.75, 1.0)),
        half=y(0.5),
    )


def how_it_ended(result: TargetResult) -> str:
    """How a fit ended, and what was judged, in a sentence."""
    if result.ended == "returned":
        return f"The fit returned after {result.seconds:.1f} s."
    judged = f"Judged as it was at {result.judged_on:.1f} s."
    if result.ended == "killed":
        return f"The fit ran over its time and was killed at {result.seconds:.1f} s. {judged}"
    known = {reason.value: EXPLANATIONS[reason].sentence for reason in Reason}
    return f"The fit ended at {result.seconds:.1f} s: {known.get(result.reason, result.reason)} {judged}"
