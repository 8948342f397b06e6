"""Scales, ticks and paths: the geometry that every plot is made of. Templates only write it down as SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """From values to places: `low` lies at `start`, `high` at `end`; a logarithmic one needs low > 0."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where a value lies, in hundredths of a unit; what is beyond an end lies at that end."""
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(max(value, self.low) if self.log else value) - low) / (high - low or 1.0)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 2)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self, count: int = 5, least: float = 0.0) -> tuple[tuple[str, float], ...]:
        """About `count` round values, `least` apart or more, as people read them, and where they lie."""
        values = (
            _powers(self.low, self.high, count)
            if self.log
            else _round_values(self.low, self.high, count, least)
        )
        return tuple((label(value), self(value)) for value in values)


def covering(values: Iterable[float], start: float, end: float, *, log: bool = False) -> Scale:
    """A scale that holds all values, with a little air where it is not logarithmic.

    Values that all lie within [0, 1] and fill a good part of it get the whole of it: they are shares.

    Raises:
        ValueError: there is no value, or none above 0 for a logarithmic one.
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
    """A tick's value, short."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    digit = round(value / 10.0**exponent)
    if (exponent < -3 or exponent >= 5) and math.isclose(digit * 10.0**exponent, value, rel_tol=1e-9):
        power = "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return power if digit == 1 else f"{digit}·{power}"
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.6g}"
    return text.replace("-", "\N{MINUS SIGN}")


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
    """A line through points."""
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in zip(xs, ys, strict=True))


def dots(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Points as one path: a line of no length with round ends is a dot, in a quarter of a circle's bytes."""
    return "".join(f"M{x:g},{y:g}h0" for x, y in zip(xs, ys, strict=True))


def apart(places: Sequence[float], gap: float) -> tuple[float, ...]:
    """The places moved as little as needed so that any two are `gap` apart, in the same order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    # Places that would touch become a group, spread evenly about the mean of where its members want to be.
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _end(groups[-2], places, gap) + gap > _start(groups[-1], places, gap):
            last = groups.pop()
            groups[-1] += last
    moved = list(places)
    for group in groups:
        for k, index in enumerate(group):
            moved[index] = _start(group, places, gap) + k * gap
    return tuple(round(place, 2) for place in moved)


def _start(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return sum(places[i] for i in group) / len(group) - gap * (len(group) - 1) / 2


def _end(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return _start(group, places, gap) + gap * (len(group) - 1)
