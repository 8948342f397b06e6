"""A leaderboard made again from what `mbc admin backup` wrote."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import click
from sqlalchemy import inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from leaderboard import db
from leaderboard.cli.backup import DUMP, KEPT, SQLITE
from leaderboard.cli.options import failed
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.files import private
from leaderboard.storage import Storage, open_storage, storage_of, transfer
from leaderboard.storage.interface import PARTS

_MEMBERS: Final = {*KEPT, SQLITE, DUMP}


@click.command()
@click.argument("archive", metavar="FILE")
@click.pass_obj
def restore(config: Config, archive: str) -> None:
    """Make a leaderboard from a backup FILE, in a directory, a database and a storage that are empty.

    FILE may be in object storage, such as s3://bucket/backups/monday.tar. Where the backup is of PostgreSQL,
    --database names an empty one. If anything fails, directory and database are as before.

    Example: mbc admin --data /srv/board restore /backups/board-monday.tar
    """
    try:
        restore_to(config, archive)
    except Refused as error:
        raise failed(error) from error
    click.echo(f"Restored {archive} to {config.data}: `mbc serve` with the same --data and --database.")


def restore_to(config: Config, archive: str) -> None:
    """Fill the data directory, the storage and the database of a configuration from a backup.

    Raises:
        Refused: one of them is not empty, or the file is no backup of such a database.
    """
    if config.data.exists() and any(config.data.iterdir()):
        raise Refused(409, "data_in_use", f"{config.data} is not empty: name a new directory with --data.")
    storage = storage_of(config) if config.storage else None
    if storage and any(next(storage.list(part), None) for part in PARTS):
        raise Refused(409, "storage_in_use", f"{storage.name} is not empty: name a new place for the files.")
    url = make_url(config.database)
    try:
        config.data.parent.mkdir(parents=True, exist_ok=True)
        with (
            private(),
            tempfile.TemporaryDirectory(dir=config.data.parent, prefix=".restore-") as folder,
        ):
            place = Path(folder) / "data"
            place.mkdir()
            if "://" in archive:
                archive = str(_fetched(archive, Path(folder)))
            _unpack(Path(archive), place)
            if storage:
                _move_files(place, storage)
            if url.get_backend_name() == "sqlite":
                _place_sqlite(place, url, config)
            else:
                _restore_postgresql(place / DUMP, url)
            if config.data.exists():
                config.data.rmdir()
            place.rename(config.data)
    except (OSError, tarfile.TarError) as error:
        raise Refused(507, "restore", f"{archive} cannot be restored: {error}.") from error


def _fetched(url: str, folder: Path) -> Path:
    """A backup from object storage, in the folder."""
    where, _, name = url.rpartition("/")
    with (folder / "fetched.tar").open("wb") as out:
        transfer.fetch(open_storage(where), name, out)
    return folder / "fetched.tar"


def _move_files(place: Path, storage: Storage) -> None:
    """Store bundles and pictures where the board is to keep them."""
    for _ in transfer.copy_all(open_storage(str(place)), storage):
        pass
    for part in PARTS:
        shutil.rmtree(place / part, ignore_errors=True)


def _unpack(archive: Path, place: Path) -> None:
    with tarfile.open(archive) as members:
        found = members.getmembers()
        names = {member.name.split("/")[0] for member in found}
        if not names <= _MEMBERS or not names & {SQLITE, DUMP} or not all(map(_is_plain, found)):
            raise Refused(422, "restore", f"{archive} is no backup that `mbc admin backup` wrote.")
        for member in found:
            target = place / member.name
            content = members.extractfile(member)
            if content is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as out:
                shutil.copyfileobj(content, out)


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Whether it is a file or a directory, and lies in the archive's own."""
    return (member.isfile() or member.isdir()) and ".." not in Path(member.name).parts


def _place_sqlite(place: Path, url: URL, config: Config) -> None:
    if not (place / SQLITE).exists():
        raise Refused(422, "restore", "The backup is of PostgreSQL: name an empty database with --database.")
    if url.database != str(config.data / SQLITE):
        raise Refused(422, "restore", f"SQLite's database is restored to {config.data / SQLITE} alone.")


def _restore_postgresql(dump: Path, url: URL) -> None:
    if not dump.exists():
        raise Refused(422, "restore", "The backup is of SQLite: leave out --database.")
    tool = shutil.which("pg_restore")
    if tool is None:
        raise Refused(
            503,
            "pg_restore",
            "The database is PostgreSQL, and its tool pg_restore is not installed here.",
            "Install PostgreSQL's client programs, of the server's version or a newer one.",
        )
    _check_empty(url)
    plain = url.set(drivername="postgresql", password=None)
    done = subprocess.run(
        [
            *(tool, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"),
            *("--schema=public", f"--dbname={plain.render_as_string()}", str(dump)),
        ],
        env=os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Refused(
            503, "pg_restore", f"pg_restore could not fill the database: {done.stderr.strip()[:300]}"
        )
    dump.unlink()


def _check_empty(url: URL) -> None:
    engine = db.make_engine(url.render_as_string(hide_password=False))
    try:
        tables = inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        raise Refused(503, "database", f"The database cannot be used: {db.cause(error)}.") from error
    finally:
        engine.dispose()
    if tables:
        raise Refused(409, "database_in_use", "The database is not empty: name a new one with --database.")
