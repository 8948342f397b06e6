"""The Mandelbrot approximation challenge: what is asked of a model, and how well it answered.

The public names are loaded on first use, so that importing the package costs nothing:

    from challenge import escape_count, target, distance, sample
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from challenge.sampling import sample as sample
    from challenge.target import distance as distance
    from challenge.target import escape_count as escape_count
    from challenge.target import target as target

_HOMES = {
    "distance": "challenge.target",
    "escape_count": "challenge.target",
    "sample": "challenge.sampling",
    "target": "challenge.target",
}

__all__ = ["distance", "escape_count", "sample", "target"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
