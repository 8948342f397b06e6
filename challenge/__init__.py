"""The Mandelbrot approximation challenge: what is asked of a model, and how well it answered.

The public names are loaded on first use, so that importing the package costs nothing:

    from challenge import escape_count, target, distance, sample
"""

import sys
from importlib import import_module
from types import ModuleType
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


class _Package(ModuleType):
    """The package, whose `target` is the function.

    Python gives a package's attribute to the module of that name when it imports it, which would hide the
    function of the same name from whoever asks for it later.
    """

    @property
    def target(self) -> Any:
        return __getattr__("target")

    @target.setter
    def target(self, _module: ModuleType) -> None:
        return


sys.modules[__name__].__class__ = _Package
