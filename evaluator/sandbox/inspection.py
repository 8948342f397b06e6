"""What a model keeps outside its state dict: tensors, arrays and numbers, by the name under which they stand.

The judge binds this single file into the sandbox, so it must not import anything else of this project.
"""

import sys
import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

# Deeper or more is no attribute that a person would name.
DEPTH = 4
VALUES = 2000


def outside_values(model: nn.Module, modules: list[types.ModuleType]) -> dict[str, Any]:
    """Tensors, arrays and fractions that are no part of the state dict.

    Args:
        model: its modules' attributes, and buffers that are not stored.
        modules: the submission's own: what stands at their top level.
    """
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for path, module in model.named_modules():
        before = f"{path}." if path else ""
        for name, value in vars(module).items():
            if not name.startswith("_"):
                found.update(_values(f"{before}{name}", value, seen, DEPTH))
        for name in module._non_persistent_buffers_set:  # noqa: SLF001 - torch has no other way
            if (buffer := module._buffers.get(name)) is not None:  # noqa: SLF001
                found[f"{before}{name}"] = buffer
    for source in modules:
        for name, value in vars(source).items():
            if not name.startswith("__") and not isinstance(value, type | types.ModuleType):
                found.update(_values(f"{source.__name__}.{name}", value, seen, DEPTH))
    return found


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of values that are in both and differ."""
    return [name for name, value in one.items() if name in other and not _equal(value, other[name])]


def _values(name: str, value: Any, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Tensor | float) or _is_array(value):
        yield name, value
        return
    if (
        depth == 0
        or len(seen) > VALUES
        or id(value) in seen
        or isinstance(value, nn.Module | str | bytes | type)
    ):
        return
    seen.add(id(value))
    for suffix, part in _parts(value):
        yield from _values(f"{name}{suffix}", part, seen, depth - 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a container, a function or a plain object holds, with what stands behind its name."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in list(value.items())[:VALUES])
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{index}]", part) for index, part in enumerate(list(value)[:VALUES]))
    elif isinstance(value, types.FunctionType):
        names, cells = value.__code__.co_freevars, value.__closure__ or ()
        yield from ((f" ({name})", _content(cell)) for name, cell in zip(names, cells, strict=False))
        yield from ((" (default)", part) for part in value.__defaults__ or ())
    elif isinstance(getattr(value, "args", None), tuple) and hasattr(value, "func"):
        yield from ((f" ({index})", part) for index, part in enumerate(value.args))
        yield from ((f" ({key})", part) for key, part in getattr(value, "keywords", {}).items())
    else:
        yield from ((f".{key}", part) for key, part in getattr(value, "__dict__", {}).items())


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray | numpy.number)


def _equal(one: Any, other: Any) -> bool:
    try:
        if isinstance(one, Tensor):
            return bool(one.shape == other.shape and torch.equal(one, other))
        if isinstance(one, float):
            return bool(one == other or one != one)  # noqa: PLR0124 - NaN
        return bool(one.shape == other.shape and one.tobytes() == other.tobytes())
    except (RuntimeError, AttributeError, TypeError):
        # Without storage, or of a dtype that cannot be compared.
        return True
