"""Figures as people read them, the same in a terminal and on a page. What ranks is never one of these."""

from typing import Final

NOTHING: Final = "\N{EM DASH}"
# Probes whose figure is a share of what was kept or learned; the others' figures are of what should not be.
_AT_LEAST: Final = ("plasticity", "dose")


def share(value: float | None) -> str:
    """A share of one, in per cent; cut, not rounded, so that nothing short of all reads as all."""
    return NOTHING if value is None else f"{int(value * 100 + 1e-9)} %"


def skill(value: float | None) -> str:
    """Three decimals."""
    return NOTHING if value is None else f"{value:.3f}"


def apart(value: float, bar: float) -> tuple[str, str]:
    """A skill and the bar it is held against, with as many decimals from three on as tell them apart."""
    for decimals in range(3, 10):
        told = f"{value:.{decimals}f}", f"{bar:.{decimals}f}"
        if told[0] != told[1]:
            return told
    return skill(value), skill(bar)


def limit(probe: str, threshold: float) -> str:
    """On which side of its threshold a probe's figure has to be."""
    return f"{'at least' if probe in _AT_LEAST else 'at most'} {figure(threshold)}"


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
