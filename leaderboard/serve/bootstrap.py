"""What a leaderboard needs before its first visitor: tables, seasons, tokens, a configured `mbc submit`."""

import fcntl
import getpass
import json
import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from leaderboard import db
from leaderboard.app import make_directories
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.files import private
from leaderboard.models import User
from leaderboard.services import lease_recovery, ranking_rebuild, seasons, tokens
from leaderboard.storage import storage_of

REFERENCE = "reference"


@dataclass(frozen=True)
class Bootstrap:
    """What `mbc serve` found or made."""

    season: str | None
    commitment: str
    season_is_new: bool
    worker_token: str
    reference_token: str
    local_user: str
    local_token: str


@contextmanager
def data_directory(config: Config) -> Iterator[bool]:
    """Hold the data directory while a server runs; whether no other one uses it.

    Several servers may share one where the database is PostgreSQL. On SQLite a second server would take the
    first one's evaluations back.

    Raises:
        Refused: the directory cannot be written, or another server holds it.
    """
    make_directories(config)
    check_file_system(config)
    with (config.data / "serving.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not config.database.startswith("sqlite"):
                yield False
                return
            raise Refused(
                409,
                "data_in_use",
                f"Another server is using {config.data}: stop it, or name another --data.",
                "Several servers on one data directory need PostgreSQL.",
            ) from error
        _remove_partial_files(config)
        yield True


# File systems over a network, on which SQLite's log, which processes share by memory, is lost or torn.
_NETWORK: Final = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "afs")


def check_file_system(config: Config, mounts: str | None = None) -> None:
    """Refused where SQLite's database lies on a file system over a network.

    Args:
        config: names the database.
        mounts: as in /proc/mounts; None for this machine's own.
    """
    if not config.database.startswith("sqlite"):
        return
    if mounts is None:
        own = Path("/proc/mounts")
        mounts = own.read_text() if own.exists() else ""
    best = ("", "")
    for line in mounts.splitlines():
        point, kind = line.split()[1:3]
        if config.data.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    if best[1].startswith(_NETWORK):
        raise Refused(
            503,
            "database_log",
            f"{config.data} lies on {best[1]}, where SQLite cannot keep its write-ahead log.",
            "Put the data directory on a local disk, or use PostgreSQL with --database.",
        )


def _remove_partial_files(config: Config) -> None:
    """Remove what a server that was killed had begun to receive or to write."""
    for path in (config.data / "uploads").iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for path in config.data.rglob(".*.part*"):
        path.unlink(missing_ok=True)


def shortcomings(config: Config) -> list[str]:
    """What servers on one PostgreSQL lack to work together, in sentences."""
    if config.database.startswith("sqlite"):
        return []
    found = []
    if config.broker.startswith("sqla+sqlite"):
        found.append("its workers are woken by this server alone: name a --broker for all")
    if config.rate_storage.startswith("memory"):
        found.append("it counts rates by itself: set MBC_BOARD_RATE_STORAGE for all")
    if not config.session_key:
        found.append("people who sign in here are signed in here alone: set MBC_BOARD_SESSION_KEY for all")
    if not config.storage:
        found.append("bundles and pictures lie in its data directory: set MBC_BOARD_STORAGE for all")
    return found


def bootstrap_server(config: Config, *, alone: bool = True) -> Bootstrap:
    """Make the data directory, the tables, the seasons and the tokens, whatever of them is not there yet.

    Args:
        config: of the server.
        alone: whether no other server uses its data directory, and with it the tokens of its workers.

    Raises:
        Refused: the directory cannot be written, or the database cannot be reached.
    """
    make_directories(config)
    storage_of(config).check()
    engine = db.make_engine(config.database)
    try:
        with private():
            db.upgrade(engine)
        with db.make_sessions(engine).begin() as session:
            season, new = seasons.ensure_seasons(session, config)
            ranking_rebuild.ensure(session)
            local = tokens.ensure_user(session, local_user_name())
            reference = tokens.ensure_user(session, REFERENCE, reference=True)
            worker = _token(session, config, "worker", None)
            if alone:
                _release(session, config, worker, counted=False)
            return Bootstrap(
                season=season.name if season else None,
                commitment=season.commitment if season else "",
                season_is_new=new,
                worker_token=worker,
                reference_token=_token(session, config, REFERENCE, reference),
                local_user=local.name,
                local_token=_token(session, config, "local", local),
            )
    except SQLAlchemyError as error:
        raise Refused(503, "database", f"The database cannot be used: {db.cause(error)}.") from error
    finally:
        engine.dispose()


def release_crashed_worker(config: Config, worker_token: str) -> None:
    """Send again, at once, what the embedded worker held when it ended by itself."""
    engine = db.make_engine(config.database)
    try:
        with db.make_sessions(engine).begin() as session:
            _release(session, config, worker_token, counted=True)
    finally:
        engine.dispose()


def _release(session: Session, config: Config, worker_token: str, *, counted: bool) -> None:
    token = tokens.find_token(session, worker_token)
    if token is not None:
        lease_recovery.release_worker(session, config, token.id, counted=counted)


def local_user_name() -> str:
    """The login name of the person who runs this server."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return name if name and name != REFERENCE else "local"


def token_path(config: Config, name: str) -> Path:
    """Where the server keeps a token that it made for itself, readable by its owner alone."""
    return config.data / "tokens" / name


def _token(session: Session, config: Config, name: str, user: User | None) -> str:
    path = token_path(config, name)
    if path.exists():
        secret = path.read_text().strip()
        if tokens.find_token(session, secret) is not None:
            return secret
    secret = tokens.new_token(session, user, f"{name}, made by mbc serve")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secret + "\n")
    except OSError as error:
        raise Refused(507, "data_unwritable", f"{path} cannot be written: {error.strerror}.") from error
    return secret


def client_config_path() -> Path:
    """The file that `mbc submit` reads."""
    named = os.environ.get("MBC_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("mbc") / "config.toml"


def configure_client(server: str, bootstrapped: Bootstrap, config: Config) -> str:
    """Configure `mbc submit` on this machine for this server, unless it is configured for another one.

    Returns:
        What was done, in a sentence.
    """
    path = client_config_path()
    by_hand = (
        f"To submit here, set MBC_SERVER={server} and MBC_TOKEN to what is in {token_path(config, 'local')}."
    )
    try:
        found = tomllib.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError):
        return f"{path} cannot be read and was left as it is. {by_hand}"
    other = str(found.get("server", ""))
    if other and other.rstrip("/") != server:
        return f"{path} speaks to {other} and was left as it is. {by_hand}"
    if other and _is_valid(config, str(found.get("token", ""))):
        return f"`mbc submit` speaks to this server ({path})."
    values = found | {"server": server, "token": bootstrapped.local_token}
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if isinstance(value, str)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        return f"{path} cannot be written ({error.strerror}). {by_hand}"
    return f"`mbc submit` now speaks to this server as {bootstrapped.local_user} ({path})."


def _is_valid(config: Config, secret: str) -> bool:
    engine = db.make_engine(config.database)
    try:
        with db.make_readers(engine)() as session:
            return tokens.find_token(session, secret) is not None
    finally:
        engine.dispose()
