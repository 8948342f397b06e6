"""What every kind of storage does."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol

# The first part of every key, and what is kept under it.
BUNDLES: Final = "bundles"
ARTIFACTS: Final = "artifacts"
PARTS: Final = (BUNDLES, ARTIFACTS)


@dataclass(frozen=True)
class StoredFile:
    """A file in the storage.

    Attributes:
        key: relative path such as "artifacts/7/evidence.json".
        size: in bytes.
        modified: when it was written.
    """

    key: str
    size: int
    modified: datetime


class Storage(Protocol):
    """Files by key. A file is there whole or not at all, and may be read while it is replaced.

    Writing raises Refused with 507, and leaves an older file as it was. Reading raises FileNotFoundError for
    what is not there, and Refused with 503 where the storage cannot be asked.
    """

    def __hash__(self) -> int:
        """Hash by identity, for caches of what was read."""

    @property
    def name(self) -> str:
        """Its name for people: a path or a URL."""

    def check(self) -> None:
        """Write something and remove it; Refused where that cannot be done."""

    def put(self, key: str, content: bytes) -> None:
        """Store a file that is small."""

    def writing(self, key: str) -> AbstractContextManager[Path]:
        """Yield a path to write to; what it holds when the block ends well is stored."""

    def get(self, key: str, most: int) -> bytes:
        """A file's content; Refused with 502 where it has more than `most` bytes."""

    def open(self, key: str) -> BinaryIO:
        """A file, to read parts of it at any place."""

    def find(self, key: str) -> StoredFile | None:
        """What is known of a file without reading it; None where there is none."""

    def list(self, below: str) -> Iterator[StoredFile]:
        """All files whose keys begin with the directory `below`."""

    def remove(self, key: str) -> None:
        """Delete a file, if it is there."""

    def remove_all(self, below: str) -> None:
        """Delete all files of a directory."""

    def local_path(self, key: str) -> Path | None:
        """Where the file lies on this machine; None for storage that is elsewhere."""

    def link(self, key: str) -> str | None:
        """An address from which anybody may fetch the file for some minutes; None where there is no such."""
