"""Scales, ticks and SVG paths: the geometry shared by all plots."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Maps values to coordinates: `low` to `start`, `high` to `end`; a logarithmic one needs low > 0."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value, rounded to 0.01; values outside the range are clipped to its ends."""
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(max(value, self.low) if self.log else value) - low) / (high - low or 1.0)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 2)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self, count: int = 5, least: float = 0.0) -> tuple[tuple[str, float], ...]:
        """About `count` round values, at least `least` apart: (label, coordinate)."""
        values = (
            _powers(self.low, self.high, count)
            if self.log
            else _round_values(self.low, self.high, count, least)
        )
        names = [label(value) for value in values] if self.log else labels(values)
        return tuple((name, self(value)) for name, value in zip(names, values, strict=True))


def covering(values: Iterable[float], start: float, end: float, *, log: bool = False) -> Scale:
    """A scale that holds all values, with a margin of 8 % where it is not logarithmic.

    Values within [0, 1] that reach 0.4 are taken for shares and get the whole of [0, 1].

    Raises:
        ValueError: there are no values, or none above 0 on a logarithmic scale.
    """
    held = [value for value in values if not log or value > 0]
    if not held:
        raise ValueError("a plot needs a value")
    low, high = min(held), max(held)
    if log:
        return Scale(low, high if high > low else low * 10, start, end, log=True)
    if low >= 0 and high <= 1 and high >= 0.4:
        return Scale(0.0, 1.0, start, end)
    if low >= 0 and low < high / 2:
        low = 0.0
    air = 0.08 * (high - low) or max(abs(high), 1.0) * 0.1
    return Scale(low if low == 0 else low - air, high + air, start, end)


def label(value: float) -> str:
    """A tick's value as short text."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    digit = round(value / 10.0**exponent)
    if (exponent < -3 or exponent >= 5) and math.isclose(digit * 10.0**exponent, value, rel_tol=1e-9):
        power = "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return power if digit == 1 else f"{digit}·{power}"
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.6g}"
    return text.replace("-", "\N{MINUS SIGN}")


def labels(values: Sequence[float]) -> list[str]:
    """The labels of a linear axis, all in one unit: if large, thousands (k), millions (M) or 10^9 (G)."""
    largest = max(map(abs, values), default=0.0)
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if 1e5 <= largest < 1e15 and largest >= unit:
            return ["0" if value == 0 else f"{label(value / unit)} {letter}" for value in values]
    return [label(value) for value in values]


def _round_values(low: float, high: float, count: int, least: float) -> list[float]:
    rough = max((high - low) / max(count - 1, 1), least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.8 and (not least or m != 2.5))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float, count: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / (count + 1)))
    return [10.0**exponent for exponent in range(first, last + 1, step)]


def path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """An SVG path of straight lines through points."""
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in zip(xs, ys, strict=True))


def dots(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Points as one SVG path: a zero-length line with round ends is a dot, a quarter of a circle's bytes."""
    return "".join(f"M{x:g},{y:g}h0" for x, y in zip(xs, ys, strict=True))


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> tuple[float, ...]:
    """Positions as near to the wanted ones as a distance of `gap` and the bounds allow; their order stays.

    The order is that of the sequence, not of its values. Where [low, high] is too short, the gap shrinks.

    Args:
        wanted: positions, in the order that the result keeps.
        gap: the smallest distance of neighbours.
        low: the lower bound of all positions.
        high: the upper bound.
    """
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    # Subtracting k * gap turns "at least a gap apart" into "not decreasing": isotonic regression by pooling.
    pools: list[tuple[float, int]] = []
    for k, value in enumerate(wanted):
        pools.append((value - k * gap, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n)]
    level = [mean for mean, count in pools for _ in range(count)]
    top = high - gap * (len(wanted) - 1)
    return tuple(round(min(max(v, low), top) + k * gap, 2) for k, v in enumerate(level))


def apart(places: Sequence[float], gap: float) -> tuple[float, ...]:
    """Positions moved as little as possible so that any two are at least `gap` apart; their order stays."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for index, place in zip(order, spread([places[i] for i in order], gap, -1e9, 1e9), strict=True):
        moved[index] = place
    return tuple(moved)
