"""Copy everything from one storage to another, so that it can be interrupted and goes on where it was."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from leaderboard.errors import Refused
from leaderboard.storage.interface import PARTS, Storage, StoredFile

_CHUNK: Final = 8 * 1024 * 1024


@dataclass(frozen=True)
class Copied:
    """What became of one file.

    Attributes:
        file: in the source.
        new: whether it was copied now; it was there already otherwise.
    """

    file: StoredFile
    new: bool


def copy_all(source: Storage, target: Storage, *, verify_all: bool = False) -> Iterator[Copied]:
    """Copy what the target lacks, and compare the digest of each copy that was made.

    A file counts as copied where the target has one of its size that is not older: writing is atomic there.

    Args:
        source: stays as it is.
        target: gets what it lacks.
        verify_all: compare the digests of those that were there already, too, and replace what differs.

    Raises:
        Refused: one of them cannot be used, or what was written is not what is read back.
    """
    for part in PARTS:
        known = {file.key: file for file in target.list(part)}
        for file in source.list(part):
            copy = known.get(file.key)
            # Object storage knows whole seconds.
            since = file.modified.replace(microsecond=0)
            there = copy is not None and copy.size == file.size and copy.modified >= since
            if there and verify_all:
                there = digest_of(source, file.key) == digest_of(target, file.key)
            if not there:
                _copy(source, target, file)
            yield Copied(file, new=not there)


def _copy(source: Storage, target: Storage, file: StoredFile) -> None:
    digest = hashlib.sha256()
    try:
        content = source.open(file.key)
    except FileNotFoundError:
        # Deleted meanwhile, with its entry.
        return
    with content, target.writing(file.key) as path, path.open("wb") as out:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    if digest_of(target, file.key) != digest.hexdigest():
        raise Refused(502, "storage_torn", f"{file.key} in {target.name} is not what was written there.")


def digest_of(storage: Storage, key: str) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with storage.open(key) as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(storage: Storage, key: str, out: BinaryIO) -> None:
    """Write a file's content to another one."""
    with storage.open(key) as content:
        shutil.copyfileobj(content, out, _CHUNK)


@dataclass(frozen=True)
class Usage:
    """How much of one kind is stored."""

    part: str
    files: int
    bytes: int


def usage(storage: Storage) -> tuple[Usage, ...]:
    """How much is stored, by kind."""
    found = []
    for part in PARTS:
        sizes = [file.size for file in storage.list(part)]
        found.append(Usage(part, len(sizes), sum(sizes)))
    return tuple(found)
