"""Numba's compiler as this project uses it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import event

from challenge.util import compile_notice


class _Notice(event.Listener):
    """Print a notice before a function is compiled; one that comes from the disk cache causes none."""

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002 - the listener's interface
        compile_notice.compiling()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]


def kernel_decorator(folder: Path) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function on first use, caches the result on disk and releases the GIL.

    Without fast-math, so that results are the same bits everywhere. Numba's disk cache notices changes of the
    file that a function is in, but not of the files of what it calls; so the name under which the result is
    stored carries a digest of all the Python files in `folder`. Where it cannot be written, nothing is kept.
    """
    sources = sorted(folder.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]

    def kernel(function: Callable[..., Any]) -> Any:
        function.__qualname__ = f"{function.__qualname__}_{digest}"
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
        try:
            compiled.enable_caching()
        except RuntimeError:
            # Neither beside the source nor in the user's cache: it is compiled anew by each process.
            compile_notice.cannot_keep()
        return compiled

    return kernel
