"""The difference between two entries of a season, octave by octave, with paired 95 % intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.scoring.metrics import paired_interval
from leaderboard.charts.plot_area import PlotArea
from leaderboard.charts.scales import path
from leaderboard.charts.skill_curve import intervals, mean_skill

Array = NDArray[np.float64]

_AREA: Final = PlotArea.with_margins(860, 320, left=52, right=16, top=16, bottom=36)
# The x axis ends one octave after the last difference above this.
_VISIBLE: Final = 0.01
_MIN_OCTAVES: Final = 10
# The y axis follows the largest difference, but never covers less than this.
_MIN_RANGE: Final = 0.05


@dataclass(frozen=True)
class OctaveDifference:
    """One octave: the difference a - b with its 95 % interval, as numbers and as coordinates."""

    octave: int
    difference: float
    low: float
    high: float
    x: float
    y: float
    y_low: float
    y_high: float
    side: str  # "a" or "b" where one is significantly ahead, else "tie"


@dataclass(frozen=True)
class DifferencePlot:
    """The plot, and the difference of the scores: `octaves` with its interval `low` to `high`."""

    octaves: float
    low: float
    high: float
    steps: tuple[OctaveDifference, ...]
    line: str
    band: str
    zero: float
    bar: float
    xticks: tuple[tuple[int, float], ...]
    yticks: tuple[tuple[str, float], ...]
    frame: PlotArea = _AREA

    @property
    def ahead(self) -> str:
        """Which entry is significantly ahead: "a", "b", or "" for a tie."""
        return "a" if self.low > 0 else "b" if self.high < 0 else ""

    def where(self, side: str) -> str:
        """The octaves on which an entry is significantly ahead: "4 to 16 and 18", or ""."""
        parts = [
            f"{first} to {last}" if last > first else str(first)
            for one, first, last in self.runs
            if one == side
        ]
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

    @property
    def runs(self) -> tuple[tuple[str, int, int], ...]:
        """Runs of octaves on which one entry is significantly ahead: (side, first, last)."""
        found: list[tuple[str, int, int]] = []
        for step in self.steps:
            if step.side == "tie":
                continue
            if found and found[-1][0] == step.side and found[-1][2] == step.octave - 1:
                found[-1] = (step.side, found[-1][1], step.octave)
            else:
                found.append((step.side, step.octave, step.octave))
        return tuple(found)


def difference_plot(a: Array, b: Array) -> DifferencePlot:
    """Plot the difference of two (chains, octaves) arrays of skills, paired by chain.

    Raises:
        ValueError: the shapes differ: the entries were not judged on the same evaluation set.
    """
    if a.shape != b.shape:
        raise ValueError(f"skills of {a.shape} and {b.shape} cannot be paired")
    differences = a - b
    mean, (low, high) = mean_skill(differences), intervals(differences)
    last = int(np.flatnonzero(np.maximum(np.abs(low), np.abs(high)) > _VISIBLE).max(initial=0))
    octaves = min(len(mean), max(last + 2, _MIN_OCTAVES))
    reach = max(float(np.abs([low, high]).max()), _MIN_RANGE) * 1.08
    step = (_AREA.right - _AREA.left) / octaves
    y = _AREA.y_scale(-reach, reach)
    shown = slice(0, octaves)
    xs = [round(_AREA.left + step * (k + 0.5), 2) for k in range(octaves)]
    upper, lower = [y(v) for v in high[shown]], [y(v) for v in low[shown]]
    whole = paired_interval(a, b)
    return DifferencePlot(
        octaves=float(differences.mean(axis=0).sum()),
        low=whole[0],
        high=whole[1],
        steps=tuple(
            OctaveDifference(k, float(d), float(l), float(h), xs[k], y(d), lower[k], upper[k], _side(l, h))
            for k, (d, l, h) in enumerate(zip(mean[shown], low[shown], high[shown], strict=True))
        ),
        line=path(xs, [y(v) for v in mean[shown]]),
        band=path([*xs, *reversed(xs)], [*upper, *reversed(lower)]) + "Z",
        zero=y(0.0),
        bar=round(step * 0.62, 2),
        xticks=tuple((k, xs[k]) for k in range(0, octaves, 2 if octaves <= 14 else 4)),
        yticks=y.ticks(5),
    )


def _side(low: float, high: float) -> str:
    return "a" if low > 0 else "b" if high < 0 else "tie"
