"""Syntax trees of Python sources, made by one thread at a time.

Until 3.11.5, CPython counts the depth of a tree for the whole process (gh-106905): where two threads make one
at the same time, either may end in a SystemError.
"""

import ast
import threading
from typing import Final

_TURNS: Final = threading.Lock()


def parse(source: str | bytes) -> ast.Module:
    """The tree of a source.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse` does.
    """
    with _TURNS:
        return ast.parse(source)


def parse_expression(source: str) -> ast.Expression:
    """The tree of an expression, which may begin with blanks.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse` does.
    """
    with _TURNS:
        return ast.parse(source.lstrip(" \t"), mode="eval")
