"""Files in the data directory: whole or not there."""

import os
import tempfile
from pathlib import Path

from leaderboard.errors import Refused


def storage_failed(error: OSError) -> Refused:
    """507, with the system's own word for it."""
    return Refused(
        507,
        "disk_full",
        f"The server cannot store the file: {error.strerror or error}. Nothing was changed.",
        "Try again later, or tell the people who run this server.",
    )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, on the disk, or not at all.

    Raises:
        Refused: the disk is full or the directory cannot be written; an older file is as it was.
    """
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as stream:
            partial = Path(stream.name)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
        partial = None
        # The name itself must survive a power cut too: a row is about to rely on it.
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise storage_failed(error) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
