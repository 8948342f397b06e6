"""Frozen values from what JSON made of them."""

from collections.abc import Mapping
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def frozen(value: Any) -> Any:
    """The value with tuples for lists, at every depth of lists."""
    return tuple(frozen(one) for one in value) if isinstance(value, list) else value


def from_plain(kind: type[Kind], plain: Mapping[str, Any]) -> Kind:
    """A value of the kind from its fields.

    Raises:
        TypeError: fields are missing or unknown.
    """
    return kind(**{name: frozen(value) for name, value in plain.items()})
