"""The practice season's evaluation set, kept on disk: it is public, and every local score asks for it.

`python -m challenge.practice` builds it, and compiles the kernels on the way.
"""

import contextlib
import hashlib
import os
import sys
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import platformdirs

from challenge.evaluation import FULL, EvaluationSet, EvaluationSize, evaluation_set
from challenge.season import PRACTICE

_PARTS: Final = ("points", "truth", "centres")


def practice_set(size: EvaluationSize = FULL) -> EvaluationSet:
    """The practice season's evaluation set, from disk where this version of the code has built it before.

    Where the cache cannot be read or written, the set is built, as it would be without one.
    """
    path = _path(size)
    # Opened here: on a broken file np.load leaves its own open.
    with contextlib.suppress(OSError, KeyError, ValueError, zipfile.BadZipFile), path.open("rb") as file:
        kept = np.load(file)
        return EvaluationSet(*(kept[part] for part in _PARTS))
    built = evaluation_set(PRACTICE, size)
    partial = path.with_name(f"{os.getpid()}.part.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, **{part: getattr(built, part) for part in _PARTS})
        partial.replace(path)
        for old in path.parent.glob(f"{_prefix(size)}*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return built


def _path(size: EvaluationSize) -> Path:
    """Where a set of this size is kept; another version of the code that makes it has another place."""
    digest = hashlib.sha256(f"{PRACTICE.commitment} {size} {np.__version__}".encode())
    here = Path(__file__).parent
    for source in sorted([*here.glob("*.py"), *here.glob("compiled/*.py")]):
        digest.update(source.read_bytes())
    return platformdirs.user_cache_path("mbc") / f"{_prefix(size)}{digest.hexdigest()[:16]}.npz"


def _prefix(size: EvaluationSize) -> str:
    return f"practice-{size.chains}x{size.octaves}x{size.points}-"


if __name__ == "__main__":
    if not _path(FULL).exists():
        sys.stdout.write("== building the practice season (once)\n")
        practice_set()
