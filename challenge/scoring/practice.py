"""The practice season's evaluation set, kept on disk: it is public, and every local score asks for it.

`python -m challenge.scoring.practice` builds it, and compiles the kernels on the way.
"""

import sys
from pathlib import Path
from typing import Final

from challenge.scoring.evaluation_set import FULL, EvaluationSet, EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE
from challenge.util import cache

_PARTS: Final = ("points", "truth", "centres")


def practice_set(size: EvaluationSize = FULL) -> EvaluationSet:
    """The practice season's evaluation set, from disk where this version of the code has built it before."""

    def build() -> list[cache.Array]:
        built = evaluation_set(PRACTICE, size)
        return [getattr(built, part) for part in _PARTS]

    return EvaluationSet(*cache.cached_arrays(_path(size), _PARTS, build))


def _path(size: EvaluationSize) -> Path:
    return cache.cache_path(
        f"practice-{size.chains}x{size.octaves}x{size.points}",
        PRACTICE.commitment,
        size,
        modules=["challenge.scoring.evaluation_set"],
    )


if __name__ == "__main__":
    if not _path(FULL).exists():
        sys.stdout.write("== building the practice season (once)\n")
        practice_set()
