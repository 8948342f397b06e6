"""Arrays that take long to make, kept on disk. Only what is public: every process of the user can read it."""

import contextlib
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from challenge.util.atomic_files import replacing
from challenge.util.source_files import source_files

Array = NDArray[Any]


def place(name: str, *key: object, modules: Iterable[str], files: Iterable[Path] = ()) -> Path:
    """Where an array is kept, as made by the code of `modules`; other code or another key has another place.

    Args:
        name: of the file, for people, and so that what was made by older code is found and put away.
        key: whatever else decides what is made; its repr has to say it all.
        modules: dotted names of the modules that make it; whatever they import counts as well.
        files: further source files, whose imports do not count.
    """
    digest = hashlib.sha256(repr((name, key, np.__version__)).encode())
    for source in [*source_files(modules), *sorted(files)]:
        digest.update(source.read_bytes())
    return platformdirs.user_cache_path("mbc") / f"{name}-{digest.hexdigest()[:16]}.npz"


def kept(path: Path, parts: Sequence[str], make: Callable[[], Sequence[Array]]) -> tuple[Array, ...]:
    """What is kept at `path`, or else what `make` gives, which then replaces whatever older code left there.

    Where the cache cannot be read or written, it is made, as it would be without one.

    Args:
        path: from `place`.
        parts: a name for each array.
        make: called without arguments where nothing whole is there.
    """
    # Opened here: on a broken file np.load leaves its own open.
    with contextlib.suppress(OSError, KeyError, ValueError, zipfile.BadZipFile), path.open("rb") as file:
        found = np.load(file)
        return tuple(found[part] for part in parts)
    made = tuple(make())
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            named: dict[str, Any] = dict(zip(parts, made, strict=True))
            np.savez(partial, **named)
        name = path.stem.rpartition("-")[0]
        for old in path.parent.glob(f"{name}-*.npz"):
            # A longer name may begin like this one.
            if old != path and old.stem.rpartition("-")[0] == name:
                old.unlink(missing_ok=True)
    return made
