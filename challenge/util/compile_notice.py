"""Print one line when this machine compiles the generator for the first time."""

from collections.abc import Callable

TEXT = "Compiling the generator for this processor; it takes up to a minute, once ..."
NOT_KEPT = (
    "Nowhere to keep compiled code: every command compiles the generator anew, for up to a minute. Name a "
    "folder that you may write to in NUMBA_CACHE_DIR."
)
_texts = [TEXT]
_waiting: list[Callable[[str], None]] = []


def tell_once(tell: Callable[[str], None]) -> None:
    """Have `tell` called with a sentence when something is compiled, the first time alone.

    What an earlier process compiled is loaded from disk, and then nothing is said.
    """
    _waiting[:] = [tell]


def compiling() -> None:
    """Called by the compiler before it compiles."""
    while _waiting:
        _waiting.pop()(_texts[-1])


def cannot_keep() -> None:
    """Called where compiled code cannot be written: the notice says so from now on."""
    _texts[:] = [NOT_KEPT]
