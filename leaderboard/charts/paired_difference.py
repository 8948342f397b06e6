"""Two entries of one season: by how much one is ahead, octave by octave, with paired intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.scoring.metrics import paired_interval
from leaderboard.charts.scales import Scale, path
from leaderboard.charts.skill_curve import intervals

Array = NDArray[np.float64]

WIDTH: Final = 860
HEIGHT: Final = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 16, 36
# The plot shows a small lead as one: its scale follows the largest difference, but not below this.
_LEAST: Final = 0.05


@dataclass(frozen=True)
class Step:
    """One octave: the difference a - b with its 95 % interval, as figures and as places."""

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
class Difference:
    """The plot, and the difference of octaves as a whole."""

    octaves: float
    low: float
    high: float
    steps: tuple[Step, ...]
    line: str
    band: str
    zero: float
    bar: float
    xticks: tuple[tuple[int, float], ...]
    yticks: tuple[tuple[str, float], ...]
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def ahead(self) -> str:
        """Who is ahead by more than the interval of the whole difference: "a", "b", or "" for nobody."""
        return "a" if self.low > 0 else "b" if self.high < 0 else ""

    def where(self, side: str) -> str:
        """The octaves on which one is significantly ahead, in words: "4 to 16 and 18", or ""."""
        parts = [
            f"{first} to {last}" if last > first else str(first)
            for one, first, last in self.runs
            if one == side
        ]
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

    @property
    def runs(self) -> tuple[tuple[str, int, int], ...]:
        """Stretches of octaves on which one is significantly ahead: (side, first, last)."""
        found: list[tuple[str, int, int]] = []
        for step in self.steps:
            if step.side == "tie":
                continue
            if found and found[-1][0] == step.side and found[-1][2] == step.octave - 1:
                found[-1] = (step.side, found[-1][1], step.octave)
            else:
                found.append((step.side, step.octave, step.octave))
        return tuple(found)


def difference(a: Array, b: Array) -> Difference:
    """The difference of (chains, octaves) skills, chain by chain.

    Raises:
        ValueError: they are not of one evaluation set.
    """
    if a.shape != b.shape:
        raise ValueError(f"skills of {a.shape} and {b.shape} cannot be paired")
    apart = a - b
    mean, (low, high) = apart.mean(axis=0), intervals(apart)
    octaves = len(mean)
    reach = max(float(np.abs([low, high]).max()), _LEAST) * 1.08
    step = (WIDTH - _LEFT - _RIGHT) / octaves
    y = Scale(-reach, reach, HEIGHT - _BOTTOM, _TOP)
    xs = [round(_LEFT + step * (k + 0.5), 2) for k in range(octaves)]
    upper, lower = [y(v) for v in high], [y(v) for v in low]
    whole = paired_interval(a, b)
    return Difference(
        octaves=float(mean.sum()),
        low=whole[0],
        high=whole[1],
        steps=tuple(
            Step(k, float(d), float(l), float(h), xs[k], y(d), lower[k], upper[k], _side(l, h))
            for k, (d, l, h) in enumerate(zip(mean, low, high, strict=True))
        ),
        line=path(xs, [y(v) for v in mean]),
        band=path([*xs, *reversed(xs)], [*upper, *reversed(lower)]) + "Z",
        zero=y(0.0),
        bar=round(step * 0.62, 2),
        xticks=tuple((k, xs[k]) for k in range(0, octaves, 4)),
        yticks=y.ticks(5),
    )


def _side(low: float, high: float) -> str:
    return "a" if low > 0 else "b" if high < 0 else "tie"
