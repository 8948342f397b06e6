"""Text of strangers for a terminal, which obeys some characters instead of showing them."""

from typing import Final

_KEPT: Final = "\n\t"


def plain_text(text: str) -> str:
    """The text with every character that cannot be seen as an escape sequence of Python's, but line ends."""
    return "".join(c if c.isprintable() or c in _KEPT else repr(c)[1:-1] for c in text)


def plain_line(text: str) -> str:
    """The same with line ends escaped, too."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
