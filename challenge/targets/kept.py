"""The practice season's targets, kept on disk: they are public, and every local score asks for them."""

import contextlib
import hashlib
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import platformdirs
from numpy.typing import NDArray

from challenge.chains import Views
from challenge.evaluation import EvaluationSize
from challenge.season import PRACTICE
from challenge.targets.sets import Samples, target_views, training_samples
from challenge.targets.target import Target
from challenge.whole import replacing

Array = NDArray[np.float64]

_PARTS: Final = ("x", "t", "points", "truth", "centres")


def practice_lesson(target: Target, samples: int, size: EvaluationSize) -> tuple[Samples, Views]:
    """Samples and views of one of the practice season's targets, from disk where they have been made before.

    Where the cache cannot be read or written, they are made, as they would be without one.
    """
    path = _path(target, samples, size)
    with contextlib.suppress(OSError, KeyError, ValueError, zipfile.BadZipFile), path.open("rb") as file:
        kept = np.load(file)
        x, t, points, truth, centres = (kept[part] for part in _PARTS)
        return Samples(x, t), Views(points, truth, centres)
    given, views = training_samples(PRACTICE, target, samples), target_views(PRACTICE, target, size)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        parts: tuple[Array, ...] = (given.x, given.t, views.points, views.truth, views.centres)
        with replacing(path) as partial:
            named: dict[str, Any] = dict(zip(_PARTS, parts, strict=True))
            np.savez(partial, **named)
        for old in path.parent.glob(f"{_prefix(target, samples, size)}*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
    return given, views


def _path(target: Target, samples: int, size: EvaluationSize) -> Path:
    """Where they are kept; another target, or other code that makes it, has another place."""
    digest = hashlib.sha256(f"{target!r} {np.__version__}".encode())
    here = Path(__file__).parents[1]
    for source in sorted([*here.glob("*.py"), *here.glob("compiled/*.py"), *here.glob("targets/*.py")]):
        digest.update(source.read_bytes())
    name = f"{_prefix(target, samples, size)}{digest.hexdigest()[:16]}.npz"
    return platformdirs.user_cache_path("mbc") / name


def _prefix(target: Target, samples: int, size: EvaluationSize) -> str:
    return f"target-{target.kind}-{samples}-{size.chains}x{size.octaves}x{size.points}-"
