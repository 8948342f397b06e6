"""Text that people read: no invisible characters, and a key by which look-alike names are equal."""

import unicodedata
from functools import lru_cache
from typing import Final

# Letters and symbols that render as nothing, although their category does not say so.
_BLANK_CHARACTERS: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc"
    "\U00013441\U00013442\U00016fe4\U0001d159"
)
# Variation selectors of ideographs, which change nothing that most fonts can show.
_MORE_SELECTORS: Final = range(0xE0100, 0xE01F0)
_JOINERS: Final = frozenset("\u200c\u200d")
# Variation selectors choose the picture of the character before them.
_SELECTORS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
# Control, format, private use, surrogate, unassigned, line and paragraph separator.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_VISIBLE: Final = frozenset("LNPS")
_MOST_MARKS: Final = 4


def find_invisible(text: str) -> str | None:
    """The first character of a text that does not belong into something people read; None if all do.

    That is any control or format character, anything that renders as nothing, an unassigned code point, and
    the fifth combining mark on one letter. Allowed are joiners where a script or an emoji needs them, and
    variation selectors after a symbol.
    """
    marks = 0
    for index, character in enumerate(text):
        before, after = text[index - 1 : index], text[index + 1 : index + 2]
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks > _MOST_MARKS:
            return character
        if character in _JOINERS:
            if not (_may_be_joined(before) and _may_be_joined(after)):
                return character
        elif character in _SELECTORS:
            if not before or unicodedata.category(before)[0] not in "SNP":
                return character
        elif _is_unseen(character):
            return character
    return None


def _is_unseen(character: str) -> bool:
    return (
        character in _BLANK_CHARACTERS
        or ord(character) in _MORE_SELECTORS
        or unicodedata.category(character) in _INVISIBLE
    )


def is_blank(text: str) -> bool:
    """Whether a text holds no letter, digit, punctuation or symbol that can be seen."""
    return not any(
        unicodedata.category(character)[0] in _VISIBLE and character not in _BLANK_CHARACTERS
        for character in text
    )


def code_point(character: str) -> str:
    """A character as "U+200B ZERO WIDTH SPACE"."""
    name = unicodedata.name(character, "without a name")
    return f"U+{ord(character):04X} {name}"


def skeleton(text: str) -> str:
    """A key that is equal for names that look alike: the skeleton of Unicode's report UTS 39, section 4.

    Runs of white space count as one space, as HTML shows them. The key is not for display.
    """
    plain = unicodedata.normalize("NFD", " ".join(text.split()))
    kept = (character for character in plain if find_invisible(character) is None)
    return unicodedata.normalize("NFD", "".join(map(_prototype, kept)))


def _may_be_joined(character: str) -> bool:
    """Whether a joiner may stand beside it: letters of scripts without case, marks, emoji."""
    return bool(character) and (
        unicodedata.category(character) in {"Lo", "Mn", "Mc", "So", "Sk"} or character in _SELECTORS
    )


@lru_cache(maxsize=4096)
def _prototype(character: str) -> str:
    """What UTS 39 maps a character to. The library's table holds the map in both directions."""
    table = _confusables()
    alike = table.get(character, [])
    if len(alike) != 1:
        return character
    other: str = alike[0]["c"]
    # A pair by itself does not say which of the two is the prototype.
    return min(character, other) if len(table.get(other, [])) == 1 else other


@lru_cache(maxsize=1)
def _confusables() -> dict[str, list[dict[str, str]]]:
    from confusable_homoglyphs import confusables  # noqa: PLC0415 - reads a megabyte of JSON

    table: dict[str, list[dict[str, str]]] = confusables.confusables_data
    return table
