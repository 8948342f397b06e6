"""Tiles on the disk, within a bound: those that nobody has looked at for longest go first.

A tile can be drawn again, so nothing here is flushed, and a file that is gone is no fault. Several processes
may share a folder: each counts what it has seen, and a tile that two of them write is the same one.
"""

import os
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final

from leaderboard.files import write_file

_SUFFIX: Final = ".tile"
# Looking is noted on the disk at most so often, so that the order outlives the process.
_NOTE_SECONDS: Final = 60.0


class TileStore:
    """Bytes by name; a name is a relative path like "12/3-4".

    Args:
        folder: where they lie; it is made when it is needed.
        most_bytes: of all together.
        most_of_one: of all whose names have the same first part; None for no such bound.
    """

    def __init__(self, folder: Path, most_bytes: int, most_of_one: int | None = None) -> None:
        self._folder = folder
        self._most = most_bytes
        self._most_of_one = most_of_one
        self._lock = threading.Lock()
        # Sizes, those looked at last at the end.
        self._sizes: OrderedDict[str, int] | None = None
        self._of_one: dict[str, int] = {}
        self._total = 0

    def get(self, name: str) -> bytes | None:
        """The tile; None where it is not there."""
        path = self._path(name)
        try:
            content = path.read_bytes()
            if path.stat().st_mtime < time.time() - _NOTE_SECONDS:
                os.utime(path)
        except OSError:
            return None
        with self._lock:
            sizes = self._known()
            if name in sizes:
                sizes.move_to_end(name)
        return content

    def has(self, name: str) -> bool:
        """Whether it is there, without looking at it."""
        return self._path(name).exists()

    def put(self, name: str, content: bytes) -> None:
        """Keep a tile, and let others go where there are too many; Refused where the disk is full."""
        write_file(self._path(name), content, durable=False)
        with self._lock:
            self._known()
            self._count(name, len(content))
            self._make_room(_one(name))

    def bytes(self) -> int:
        """Bytes of all tiles."""
        with self._lock:
            self._known()
            return self._total

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def _known(self) -> OrderedDict[str, int]:
        if self._sizes is None:
            self._sizes = OrderedDict()
            found = []
            for path in self._folder.rglob(f"[!.]*{_SUFFIX}"):
                try:
                    status = path.stat()
                except OSError:
                    continue
                name = str(path.relative_to(self._folder)).removesuffix(_SUFFIX)
                found.append((status.st_mtime, name, status.st_size))
            for _, name, size in sorted(found):
                self._count(name, size)
        return self._sizes

    def _count(self, name: str, size: int) -> None:
        assert self._sizes is not None
        more = size - self._sizes.pop(name, 0)
        self._sizes[name] = size
        self._total += more
        self._of_one[_one(name)] = self._of_one.get(_one(name), 0) + more

    def _make_room(self, one: str) -> None:
        assert self._sizes is not None
        if self._most_of_one is not None and self._of_one.get(one, 0) > self._most_of_one:
            for name in [name for name in self._sizes if _one(name) == one]:
                self._drop(name)
                if self._of_one[one] <= self._most_of_one:
                    break
        while self._total > self._most and len(self._sizes) > 1:
            self._drop(next(iter(self._sizes)))

    def _drop(self, name: str) -> None:
        assert self._sizes is not None
        size = self._sizes.pop(name)
        self._total -= size
        self._of_one[_one(name)] -= size
        self._path(name).unlink(missing_ok=True)


def _one(name: str) -> str:
    return name.partition("/")[0]
