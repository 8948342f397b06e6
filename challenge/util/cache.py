"""Disk cache for expensive arrays; for public values only, because every process of the user can read it."""

import contextlib
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from challenge.util.atomic_files import atomic_write
from challenge.util.source_files import source_files

Array = NDArray[Any]


def cache_path(name: str, *key: object, modules: Iterable[str], files: Iterable[Path] = ()) -> Path:
    """Path of a cached file; its name contains a hash of the key and of the code that computes the value.

    Args:
        name: prefix of the file's name; older files with the same prefix are removed when a new one is made.
        key: everything else the value depends on; its repr must be complete.
        modules: dotted names of the modules that compute the value; their imports are hashed as well.
        files: further source files to hash, without their imports.
    """
    digest = hashlib.sha256(repr((name, key, np.__version__)).encode())
    for source in [*source_files(modules), *sorted(files)]:
        digest.update(source.read_bytes())
    return platformdirs.user_cache_path("mbc") / f"{name}-{digest.hexdigest()[:16]}.npz"


def cached_arrays(path: Path, parts: Sequence[str], make: Callable[[], Sequence[Array]]) -> tuple[Array, ...]:
    """Load the arrays at `path`, or compute and store them, replacing what older code stored.

    If the cache cannot be read or written, the value is computed all the same.

    Args:
        path: from `cache_path`.
        parts: a name for each array.
        make: computes the arrays, in the order of `parts`.
    """
    # Opened here, because np.load leaks its own file handle if the file is broken.
    with contextlib.suppress(OSError, KeyError, ValueError, zipfile.BadZipFile), path.open("rb") as file:
        found = np.load(file)
        return tuple(found[part] for part in parts)
    made = tuple(make())
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            named: dict[str, Any] = dict(zip(parts, made, strict=True))
            np.savez(partial, **named)
        name = path.stem.rpartition("-")[0]
        for old in path.parent.glob(f"{name}-*.npz"):
            # The pattern also matches longer names with this prefix.
            if old != path and old.stem.rpartition("-")[0] == name:
                old.unlink(missing_ok=True)
    return made
