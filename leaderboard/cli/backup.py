"""One file that holds a whole leaderboard: its database as of one moment, and every file that it names.

The database is copied first. A bundle or picture lies on the disk before a row names it, so whatever the
copied rows name is there when the files are read.
"""

import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url

from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.storage import Storage, StoredFile, open_storage, storage_of
from leaderboard.storage.interface import PARTS

# The queue, the truth's pictures and half-done uploads come again by themselves.
OWN: Final = ("tokens", "secret.key")
KEPT: Final = (*PARTS, *OWN)
SQLITE: Final = "leaderboard.sqlite"
DUMP: Final = "leaderboard.dump"


def backup(config: Config, out: str) -> str:
    """Write a tar file, readable by its owner alone.

    Args:
        config: of the leaderboard.
        out: the file, or its URL in object storage, such as "s3://bucket/backups/monday.tar".

    Returns:
        Its size, and how it is restored, in two sentences.

    Raises:
        Refused: a tool is missing, or something cannot be read or written.
    """
    try:
        if "://" in out:
            place, _, name = out.rpartition("/")
            with open_storage(place).writing(name) as path:
                size = _write(config, path)
        else:
            size = _write_beside(config, Path(out).absolute())
    except (OSError, tarfile.TarError, sqlite3.Error) as error:
        raise Refused(507, "backup", f"The backup {out} cannot be written: {error}.") from error
    sqlite = make_url(config.database).get_backend_name() == "sqlite"
    empty = "" if sqlite else ", and --database names an empty one"
    return (
        f"It has {size:,} bytes. "
        f"`mbc admin restore` makes a leaderboard of it, where --data names a new directory{empty}."
    )


def _write_beside(config: Config, out: Path) -> int:
    """Write the file under another name, and rename it when it is whole; its size."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as folder:
        whole = Path(folder) / "whole.tar"
        whole.touch(mode=0o600)
        size = _write(config, whole)
        whole.replace(out)
    return size


def _write(config: Config, path: Path) -> int:
    url = make_url(config.database)
    storage = storage_of(config)
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder,
        tarfile.open(path, "w") as archive,
    ):
        name = SQLITE if url.get_backend_name() == "sqlite" else DUMP
        copy = Path(folder) / name
        _copy_sqlite(url, copy) if name == SQLITE else _dump_postgresql(url, copy)
        archive.add(copy, name)
        for own in OWN:
            if (config.data / own).exists():
                archive.add(config.data / own, own)
        for part in PARTS:
            for file in storage.list(part):
                _add(archive, storage, file)
    return path.stat().st_size


def _add(archive: tarfile.TarFile, storage: Storage, file: StoredFile) -> None:
    member = tarfile.TarInfo(file.key)
    member.size, member.mtime = file.size, int(file.modified.timestamp())
    try:
        content = storage.open(file.key)
    except FileNotFoundError:
        # Deleted since it was listed, with its entry.
        return
    with content:
        archive.addfile(member, content)


def _copy_sqlite(url: URL, copy: Path) -> None:
    # SQLite's own backup: whole and of one moment, while others write.
    origin = f"file:{url.database}?mode=ro"
    with closing(sqlite3.connect(origin, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _dump_postgresql(url: URL, copy: Path) -> None:
    tool = shutil.which("pg_dump")
    if tool is None:
        raise Refused(
            503,
            "pg_dump",
            "The database is PostgreSQL, and its tool pg_dump is not installed here.",
            "Install PostgreSQL's client programs, of the server's version or a newer one.",
        )
    # A password on a command line could be read by everybody on the machine.
    plain = url.set(drivername="postgresql", password=None)
    done = subprocess.run(
        [tool, "--format=custom", f"--file={copy}", f"--dbname={plain.render_as_string()}"],
        env=os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Refused(503, "pg_dump", f"pg_dump could not copy the database: {done.stderr.strip()[:300]}")
