"""Which source files a module's results depend on, found by following its imports."""

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from challenge.util.syntax import parse


def source_files(modules: Iterable[str]) -> list[Path]:
    """The files of `modules` and of everything that they import from their own top-level packages, sorted.

    Imports inside functions count as well. Files that only import one of the modules do not.

    Args:
        modules: dotted names, such as "challenge.scoring.evaluation_set".

    Raises:
        ModuleNotFoundError: where there is no source file of that name.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    for name in waiting:
        if _file_of(name) is None:
            raise ModuleNotFoundError(f"{name} has no source file", name=name)
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name in found or path is None:
            continue
        found[name] = path
        root = name.partition(".")[0]
        waiting.extend(other for other in _imported(path) if other.partition(".")[0] == root)
    return sorted(set(found.values()))


@cache
def _file_of(name: str) -> Path | None:
    """The source file of a module, found without importing it; None where `name` is no module."""
    root, *parts = name.split(".")
    spec = importlib.util.find_spec(root)
    for folder in spec.submodule_search_locations or () if spec else ():
        base = Path(folder, *parts)
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
    return None


def _imported(path: Path) -> Iterator[str]:
    """Every dotted name that the file imports; `from a import b` gives a and a.b: b may be a module."""
    for node in ast.walk(parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
