"""Figures as people read them. What ranks is never one of these."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from markupsafe import Markup, escape

from challenge.results.formatting import MISSING, figure, percent, skill, threshold_text

DASH: Final = "\N{EN DASH}"


def octaves(value: float | None) -> str:
    """Two decimals: the interval is wider than the second."""
    return MISSING if value is None else f"{value:.2f}"


def one(value: float | None) -> str:
    """One decimal."""
    return MISSING if value is None else f"{value:.1f}"


def size(count: int | None) -> str:
    """Bytes in binary units."""
    if count is None:
        return MISSING
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024 or unit == "MiB":
            break
        value /= 1024
    whole = value >= 100 or value == int(value)
    return f"{value:.0f} {unit}" if whole else f"{value:.1f} {unit}"


def number(count: float | None) -> str:
    """A large number with a letter: 1.2 M."""
    if count is None:
        return MISSING
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= factor:
            return f"{count / factor:.3g} {letter}"
    return f"{count:.3g}"


def zoom(factor: int) -> str:
    """How many times nearer: whole below a million."""
    return f"{factor:,}" if factor < 1_000_000 else number(factor)


def seconds(value: float) -> str:
    """A budget: whole where it is whole."""
    return f"{value:g} s"


def rank(value: tuple[int, int] | None) -> str:
    """One number, or two for a tie."""
    if value is None:
        return MISSING
    return str(value[0]) if value[0] == value[1] else f"{value[0]}{DASH}{value[1]}"


def date(moment: datetime | None) -> str:
    """The day, in UTC."""
    return MISSING if moment is None else moment.strftime("%Y-%m-%d")


def anchor(name: str) -> str:
    """The name of a heading as an address has it."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def first_sentence(text: str, longest: int = 160) -> str:
    """The first sentence of a text; a longer one ends at a word, with an ellipsis."""
    line = " ".join(text.split())
    found = re.match(r".+?[.!?:](?=\s|$)", line)
    sentence = found.group().rstrip(":") if found else line
    return sentence if len(sentence) <= longest else f"{sentence[:longest].rsplit(' ', 1)[0]}…"


def code(text: str) -> Markup:
    """Escaped text with `words in backticks` as <code> elements; an unpaired backtick stays."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped first


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "octaves": octaves,
    "one": one,
    "share": percent,
    "skill": skill,
    "figure": figure,
    "limit": threshold_text,
    "anchor": anchor,
    "code": code,
    "first_sentence": first_sentence,
    "size": size,
    "number": number,
    "zoom": zoom,
    "seconds": seconds,
    "rank": rank,
    "date": date,
}
