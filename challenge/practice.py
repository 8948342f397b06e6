"""The practice season's evaluation set, kept on disk: it is public, and every local score asks for it.

`python -m challenge.practice` builds it, and compiles the kernels on the way.
"""

import sys
from pathlib import Path
from typing import Final

from challenge import cache
from challenge.evaluation import FULL, EvaluationSet, EvaluationSize, evaluation_set
from challenge.season import PRACTICE

_PARTS: Final = ("points", "truth", "centres")


def practice_set(size: EvaluationSize = FULL) -> EvaluationSet:
    """The practice season's evaluation set, from disk where this version of the code has built it before."""

    def build() -> list[cache.Array]:
        built = evaluation_set(PRACTICE, size)
        return [getattr(built, part) for part in _PARTS]

    return EvaluationSet(*cache.kept(_path(size), _PARTS, build))


def _path(size: EvaluationSize) -> Path:
    here = Path(__file__).parent
    return cache.place(
        f"practice-{size.chains}x{size.octaves}x{size.points}",
        PRACTICE.commitment,
        size,
        sources=[*here.glob("*.py"), *here.glob("compiled/*.py")],
    )


if __name__ == "__main__":
    if not _path(FULL).exists():
        sys.stdout.write("== building the practice season (once)\n")
        practice_set()
