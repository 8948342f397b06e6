"""Format figures for people, the same in a terminal and on a page. Ranking never uses these texts."""

from typing import Final

MISSING: Final = "\N{EM DASH}"
# Probes that pass with a figure of at least their threshold; the others pass below theirs.
_AT_LEAST: Final = ("plasticity", "dose")


def percent(value: float | None) -> str:
    """A share of one in per cent, rounded down, so that only 1.0 reads as 100 %."""
    return MISSING if value is None else f"{int(value * 100 + 1e-9)} %"


def skill(value: float | None) -> str:
    """A skill with three decimals."""
    return MISSING if value is None else f"{value:.3f}"


def distinct_decimals(value: float, bar: float) -> tuple[str, str]:
    """A skill and its bar, with as few decimals (three to nine) as make the two texts differ."""
    for decimals in range(3, 10):
        texts = f"{value:.{decimals}f}", f"{bar:.{decimals}f}"
        if texts[0] != texts[1]:
            return texts
    return skill(value), skill(bar)


def threshold_text(probe: str, threshold: float) -> str:
    """The side of its threshold on which a probe's figure passes, as "at most 0.6"."""
    return f"{'at least' if probe in _AT_LEAST else 'at most'} {figure(threshold)}"


def figure(value: float | None) -> str:
    """A probe's figure: whole, or with three decimals, or with two digits and a power of ten."""
    if value is None:
        return MISSING
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3f}"


def dimensions(in_features: int, out_features: int) -> str:
    """Numbers of inputs and outputs, as "64 → 10"."""
    return f"{in_features} \N{RIGHTWARDS ARROW} {out_features}"


def ordinal(number: int) -> str:
    """An ordinal as "first", "second", "third", "4th"."""
    words = ("first", "second", "third")
    return words[number - 1] if 1 <= number <= len(words) else f"{number}th"
