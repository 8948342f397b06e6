"""The Mandelbrot approximation challenge: what is asked of a model, and how well it answered.

The public names are loaded on first use, so that importing the package costs nothing:

    from challenge import escape_count, target, distance, sample
    from challenge import score, picture, pack, submit        # for a torch.nn.Module in this process
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from challenge.commands.live import pack as pack
    from challenge.commands.live import picture as picture
    from challenge.commands.live import score as score
    from challenge.commands.live import submit as submit
    from challenge.mandelbrot.target import distance as distance
    from challenge.mandelbrot.target import escape_count as escape_count
    from challenge.mandelbrot.target import target as target
    from challenge.training.sampling import sample as sample

_MODULES = {
    "distance": "challenge.mandelbrot.target",
    "escape_count": "challenge.mandelbrot.target",
    "pack": "challenge.commands.live",
    "picture": "challenge.commands.live",
    "sample": "challenge.training.sampling",
    "score": "challenge.commands.live",
    "submit": "challenge.commands.live",
    "target": "challenge.mandelbrot.target",
}

__all__ = ["distance", "escape_count", "pack", "picture", "sample", "score", "submit", "target"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
