"""Figures as people read them, the same in a terminal and on a page. What ranks is never one of these."""

from typing import Final

NOTHING: Final = "\N{EM DASH}"


def share(value: float | None) -> str:
    """A share of one, in per cent; cut, not rounded, so that nothing short of all reads as all."""
    return NOTHING if value is None else f"{int(value * 100 + 1e-9)} %"


def skill(value: float | None) -> str:
    """Three decimals."""
    return NOTHING if value is None else f"{value:.3f}"


def figure(value: float | None) -> str:
    """A probe's figure: three decimals where that tells something, else two digits and a power of ten."""
    if value is None:
        return NOTHING
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3f}"


def dimensions(in_features: int, out_features: int) -> str:
    """64 → 10."""
    return f"{in_features} \N{RIGHTWARDS ARROW} {out_features}"


def ordinal(number: int) -> str:
    """First, second, third; further ones in figures."""
    words = ("first", "second", "third")
    return words[number - 1] if 1 <= number <= len(words) else f"{number}th"
