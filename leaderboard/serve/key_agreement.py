"""Servers on one PostgreSQL sign cookies by the same key, or do not start."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from leaderboard import db
from leaderboard.config import Config
from leaderboard.errors import Refused

# Any number that nothing else locks together with a second one.
_CLASS: Final = 0x6D6265
_OTHER_KEYS: Final = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND CAST(classid AS bigint) = :class "
    "AND CAST(objid AS bigint) <> :key AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextmanager
def agreed_key(config: Config) -> Iterator[None]:
    """Hold a shared lock that stands for the session key while a server runs.

    Servers without a key in their settings agree with each other: each has one of its own, and says so.

    Raises:
        Refused: a server with another key runs on this database, or the database cannot be reached.
    """
    engine = db.make_engine(config.database)
    if engine.dialect.name != "postgresql":
        engine.dispose()
        yield
        return
    try:
        holder = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except SQLAlchemyError as error:
        raise Refused(503, "database", f"The database cannot be used: {db.cause(error)}.") from error
    # Closing it ends the session that holds the lock; one of the pool would keep it.
    holder.detach()
    try:
        names = {"class": _CLASS, "key": _number(config.session_key)}
        # First the own one: of two that start at once, one at least sees the other.
        holder.execute(text("SELECT pg_advisory_lock_shared(:class, :key)"), names)
        if holder.scalar(_OTHER_KEYS, names):
            raise Refused(
                409,
                "session_key",
                "A server with another session key runs on this database: people would be signed in at one "
                "and out at the other.",
                "Set MBC_BOARD_SESSION_KEY to the same for all. To change it, stop all servers first.",
            )
        yield
    finally:
        # PostgreSQL may have gone meanwhile, and the lock with it.
        with suppress(SQLAlchemyError):
            holder.close()
        engine.dispose()


def _number(key: str) -> int:
    """31 bits that tell keys apart and do not tell what they are; 0 for none."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1 if key else 0
