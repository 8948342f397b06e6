"""Files in the data directory: written whole or not at all, and a full disk is a refusal."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from challenge.util.atomic_files import atomic_write
from leaderboard.errors import Refused

log = logging.getLogger(__name__)
# What nobody but the server's user may read or search.
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def private() -> Iterator[None]:
    """Make files that only this user can read, inside the block.

    Not for good: what this process starts may have to make files for other users, as sandboxes do.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def mend_permissions(data: Path) -> bool:
    """Close a data directory of an earlier version, or one that somebody opened, to other users.

    The database holds the season's secret and keys of sessions. Closing the directory closes all below it;
    files that could be moved out of it are closed as well.

    Returns:
        Whether anything had to be closed.
    """
    candidates = [data, *data.glob("*.sqlite*"), *data.glob("*.key"), data / "tokens"]
    opened = [path for path in candidates if path.exists() and stat.S_IMODE(path.stat().st_mode) & _OTHERS]
    for path in opened:
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
        except PermissionError:
            log.warning("%s can be read by other users, and belongs to somebody else: chmod go-rwx it", path)
    if opened:
        log.warning("%s could be read by other users; it is closed now", data)
    return bool(opened)


def storage_failed(error: OSError) -> Refused:
    """507, with the system's own words."""
    return Refused(
        507,
        "disk_full",
        f"The server cannot store the file: {error.strerror or error}. Nothing was changed.",
        "Try again later, or tell the people who run this server.",
    )


@contextmanager
def storing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a path beside `path`, which is renamed to it when the block ends well; the directories are made.

    Args:
        path: the file.
        durable: flush it to the disk; a row of the database is about to rely on it.

    Raises:
        Refused: the disk is full or the directory cannot be written; an older file is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=durable) as partial:
            yield partial
    except OSError as error:
        raise storage_failed(error) from error


def write_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file and the directories above it; Refused as in `storing`."""
    with storing(path, durable=durable) as partial:
        partial.write_bytes(content)
