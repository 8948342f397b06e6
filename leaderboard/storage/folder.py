"""Storage in a folder on this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from leaderboard.errors import Refused
from leaderboard.files import storing, write_file
from leaderboard.storage.interface import StoredFile
from leaderboard.storage.refusals import too_large, unreadable


class FolderStorage:
    """The keys are paths below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._root)

    def check(self) -> None:
        """Refused where nobody can write there."""
        probe = ".probe"
        self.put(probe, b"x")
        self.remove(probe)

    def put(self, key: str, content: bytes) -> None:
        """Store a file."""
        write_file(self._path(key), content)

    def writing(self, key: str) -> AbstractContextManager[Path]:
        """Yield a path beside the file's."""
        return storing(self._path(key))

    def get(self, key: str, most: int) -> bytes:
        """A file's content."""
        with self.open(key) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise too_large(key, most)
        return content

    def open(self, key: str) -> BinaryIO:
        """The file itself."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unreadable(self.name, error.strerror or str(error)) from error

    def find(self, key: str) -> StoredFile | None:
        """Size and time of a file."""
        try:
            status = self._path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(self.name, error.strerror or str(error)) from error
        return StoredFile(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def list(self, below: str) -> Iterator[StoredFile]:
        """All files of a directory and those below it; nothing that is being written."""
        for folder, _, names in os.walk(self._path(below)):
            for name in names:
                key = str((Path(folder) / name).relative_to(self._root))
                found = None if name.startswith(".") else self.find(key)
                if found is not None:
                    yield found

    def remove(self, key: str) -> None:
        """Delete a file."""
        self._path(key).unlink(missing_ok=True)

    def remove_all(self, below: str) -> None:
        """Delete a directory."""
        shutil.rmtree(self._path(below), ignore_errors=True)

    def local_path(self, key: str) -> Path | None:
        """The file's."""
        return self._path(key)

    def link(self, key: str) -> str | None:  # noqa: ARG002 - as Storage has it
        """None: a server has to send it."""
        return None

    def _path(self, key: str) -> Path:
        path = self._root / key
        if ".." in path.parts:
            raise Refused(500, "storage_key", f"{key} is no key.")
        return path
