"""The leaderboard's database as an administrator's command opens it."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from leaderboard import db, files
from leaderboard.cli.options import failed
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.services.changes import announce


def _check_there(config: Config) -> None:
    if config.database.startswith("sqlite") and not Path(config.database.partition("///")[2]).exists():
        # An administrator who mistypes a directory must not get a new, empty leaderboard.
        raise Refused(
            404, "no_leaderboard", f"There is no leaderboard in {config.data}; name it with --data."
        )


@contextmanager
def opened(config: Config) -> Iterator[Session]:
    """A transaction on the leaderboard's database; one sentence and exit code 6 where it cannot be done."""
    try:
        _check_there(config)
        files.mend_permissions(config.data)
        engine = db.make_engine(config.database)
        try:
            db.upgrade(engine)
            sessions = db.make_sessions(engine)
            announce(sessions)
            with db.transaction(sessions) as session:
                yield session
        finally:
            engine.dispose()
    except Refused as error:
        raise failed(error) from error
    except SQLAlchemyError as error:
        raise failed(Refused(503, "database", f"The database cannot be used: {db.cause(error)}.")) from error


def actor() -> str:
    """The name of the operator, for the audit log."""
    try:
        return f"admin {getpass.getuser()}"
    except (OSError, KeyError):
        return "admin"
