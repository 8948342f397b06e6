"""Write files atomically: readers see the old content or the new one, never a part."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Two threads may write the same file at the same time, each beside the other.
_numbers: Final = itertools.count()


@contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to, and rename it to `path` at the end.

    An exception inside the `with` block leaves an older file as it was. The yielded path keeps the suffix of
    `path`, from which some writers choose the format.

    Args:
        path: the file that is written or replaced; its directory exists.
        durable: flush content and directory entry to the disk, so that the file survives a power cut.

    Raises:
        OSError: it cannot be written; the error names `path`, not the temporary file.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}-{next(_numbers)}.part{path.suffix}")
    try:
        yield partial
        if durable:
            _flush(partial)
        partial.replace(path)
        if durable:
            _flush(path.parent)
    except OSError as error:
        if error.filename is not None and Path(os.fsdecode(error.filename)) == partial:
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
