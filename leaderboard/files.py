"""Files in the data directory: written whole or not at all, and a full disk is a refusal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from challenge.bundle.packer import write_archive
from challenge.util.atomic_files import atomic_write
from leaderboard.errors import Refused


def storage_failed(error: OSError) -> Refused:
    """507, with the system's own words."""
    return Refused(
        507,
        "disk_full",
        f"The server cannot store the file: {error.strerror or error}. Nothing was changed.",
        "Try again later, or tell the people who run this server.",
    )


@contextmanager
def _writing(path: Path, *, durable: bool) -> Iterator[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=durable) as partial:
            yield partial
    except OSError as error:
        raise storage_failed(error) from error


def write_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file and the directories above it.

    Args:
        path: the file.
        content: its bytes.
        durable: flush it to the disk; a row of the database is about to rely on it.

    Raises:
        Refused: the disk is full or the directory cannot be written; an older file is as it was.
    """
    with _writing(path, durable=durable) as partial:
        partial.write_bytes(content)


def store_bundle(files: Mapping[str, bytes], path: Path) -> None:
    """Write the files of a bundle as an archive of our own making, flushed to the disk.

    What was uploaded is not kept: it may be something else as well, a page or a program, to whoever opens it.

    Raises:
        Refused: the disk is full or the directory cannot be written.
    """
    with _writing(path, durable=True) as partial:
        write_archive(files, partial)
