"""One file that holds a whole leaderboard: its database as of one moment, and every file that it speaks of.

The database is copied first. A bundle or picture lies on the disk before a row speaks of it, so whatever the
copied rows speak of is there when the files are read.
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

# The queue, the truth's pictures and half-done uploads come again by themselves.
KEPT: Final = ("bundles", "artifacts", "tokens", "secret.key")
SQLITE: Final = "leaderboard.sqlite"
DUMP: Final = "leaderboard.dump"


def backup(config: Config, out: Path) -> str:
    """Write the tar file `out`, readable by its owner alone; returns how it is put back, in a sentence.

    Raises:
        Refused: a tool is missing, or something cannot be read or written.
    """
    url = make_url(config.database)
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as folder:
            name = SQLITE if url.get_backend_name() == "sqlite" else DUMP
            copy = Path(folder) / name
            _copy_sqlite(url, copy) if name == SQLITE else _dump_postgresql(url, copy)
            whole = Path(folder) / "whole.tar"
            whole.touch(mode=0o600)
            with tarfile.open(whole, "w") as archive:
                archive.add(copy, name)
                for kept in KEPT:
                    if (config.data / kept).exists():
                        archive.add(config.data / kept, kept)
            whole.replace(out)
    except (OSError, tarfile.TarError, sqlite3.Error) as error:
        raise Refused(507, "backup", f"The backup {out} cannot be written: {error}.") from error
    empty = "" if name == SQLITE else ", and --database names an empty one"
    return f"`mbc admin restore` makes a leaderboard of it, where --data names a new directory{empty}."


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
