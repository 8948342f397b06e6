"""A bounded store of tiles on disk: the least recently used ones are removed first.

Tiles can be drawn again, so writes are not flushed and missing files are no error. Several processes may
share a folder: each counts the files that it has seen, and a tile that two of them write is the same.
"""

import os
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final

from leaderboard.files import write_file

_SUFFIX: Final = ".tile"
# A read updates the file's time at most this often, so that the order survives a restart.
_TOUCH_SECONDS: Final = 60.0


class TileStore:
    """Bytes by name; a name is a relative path such as "12/3-4".

    Args:
        folder: where the files are; created when needed.
        max_bytes: bound of all tiles together.
        max_bytes_each: bound of all tiles whose names have the same first part; None for no such bound.
    """

    def __init__(self, folder: Path, max_bytes: int, max_bytes_each: int | None = None) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_bytes_each = max_bytes_each
        self._lock = threading.Lock()
        # Sizes, the most recently used at the end.
        self._sizes: OrderedDict[str, int] | None = None
        self._bytes_each: dict[str, int] = {}
        self._total = 0

    def get(self, name: str) -> bytes | None:
        """The tile; None where it is not stored."""
        path = self._path(name)
        try:
            content = path.read_bytes()
            if path.stat().st_mtime < time.time() - _TOUCH_SECONDS:
                os.utime(path)
        except OSError:
            return None
        with self._lock:
            sizes = self._known()
            if name in sizes:
                sizes.move_to_end(name)
        return content

    def has(self, name: str) -> bool:
        """Whether the tile is stored; does not count as a use."""
        return self._path(name).exists()

    def put(self, name: str, content: bytes) -> None:
        """Store a tile and remove old ones beyond the bounds; Refused where the disk is full."""
        write_file(self._path(name), content, durable=False)
        with self._lock:
            self._known()
            self._count(name, len(content))
            self._make_room(_first_part(name))

    def bytes(self) -> int:
        """The size of all tiles."""
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
        self._bytes_each[_first_part(name)] = self._bytes_each.get(_first_part(name), 0) + more

    def _make_room(self, one: str) -> None:
        assert self._sizes is not None
        if self._max_bytes_each is not None and self._bytes_each.get(one, 0) > self._max_bytes_each:
            for name in [name for name in self._sizes if _first_part(name) == one]:
                self._drop(name)
                if self._bytes_each[one] <= self._max_bytes_each:
                    break
        while self._total > self._max_bytes and len(self._sizes) > 1:
            self._drop(next(iter(self._sizes)))

    def _drop(self, name: str) -> None:
        assert self._sizes is not None
        size = self._sizes.pop(name)
        self._total -= size
        self._bytes_each[_first_part(name)] -= size
        self._path(name).unlink(missing_ok=True)


def _first_part(name: str) -> str:
    return name.partition("/")[0]
