"""Servers on one PostgreSQL sign cookies by the same key, or do not start.

A shared advisory lock stands for the key of each server that runs. PostgreSQL forgets it with the connection,
so that the serving process looks now and then whether it still has it.
"""

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from leaderboard import db
from leaderboard.config import Config
from leaderboard.errors import Refused

log = logging.getLogger(__name__)

# Any number that nothing else locks together with a second one.
_CLASS: Final = 0x6D6265
_OTHER_KEYS: Final = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND CAST(classid AS bigint) = :class "
    "AND CAST(objid AS bigint) <> :key AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_LOOK_SECONDS: Final = 5.0
_OTHER: Final = (
    "A server with another session key runs on this database: people would be signed in at one "
    "and out at the other."
)


class KeyLock:
    """The lock that stands for a session key.

    Servers without a key in their settings agree with each other: each has one of its own, and says so.
    """

    def __init__(self, engine: Engine, key: str) -> None:
        self._engine = engine
        self._names = {"class": _CLASS, "key": _number(key)}
        self._holder: Connection | None = None

    def hold(self) -> bool:
        """Take the lock where it is not held any more; whether nobody holds that of another key.

        Raises:
            SQLAlchemyError: the database does not answer; another call tries again.
        """
        try:
            if self._holder is None:
                self._take()
            assert self._holder is not None
            return not self._holder.scalar(_OTHER_KEYS, self._names)
        except SQLAlchemyError:
            self.let_go()
            raise

    def _take(self) -> None:
        self._holder = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # Closing it ends the session that holds the lock; one of the pool would keep it.
        self._holder.detach()
        # First the own one: of two that start at once, one at least sees the other.
        self._holder.execute(text("SELECT pg_advisory_lock_shared(:class, :key)"), self._names)

    def let_go(self) -> None:
        """Give the lock up."""
        holder, self._holder = self._holder, None
        if holder is not None:
            # PostgreSQL may have gone meanwhile, and the lock with it.
            with suppress(SQLAlchemyError):
                holder.close()


@contextmanager
def agreed_key(config: Config) -> Iterator[None]:
    """Hold the lock of the session key while a server starts and runs.

    Raises:
        Refused: a server with another key runs on this database, or the database cannot be reached.
    """
    engine = db.make_engine(config.database)
    lock = KeyLock(engine, config.session_key)
    try:
        try:
            agreed = engine.dialect.name != "postgresql" or lock.hold()
        except SQLAlchemyError as error:
            raise Refused(503, "database", f"The database cannot be used: {db.cause(error)}.") from error
        if not agreed:
            raise Refused(
                409,
                "session_key",
                _OTHER,
                "Set MBC_BOARD_SESSION_KEY to the same for all. To change it, stop all servers first.",
            )
        yield
    finally:
        lock.let_go()
        engine.dispose()


class KeyWatch(threading.Thread):
    """Takes the lock again after PostgreSQL has restarted, and says so where another key came meanwhile."""

    def __init__(self, engine: Engine, config: Config) -> None:
        super().__init__(name="session key", daemon=True)
        self._lock = KeyLock(engine, config.session_key)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until it is stopped."""
        agreed = True
        while not self._stopped.is_set():
            # While the database is away, nobody can start either.
            with suppress(SQLAlchemyError):
                before, agreed = agreed, self._lock.hold()
                if before and not agreed:
                    log.error("%s Set MBC_BOARD_SESSION_KEY to the same for all.", _OTHER)
            self._stopped.wait(_LOOK_SECONDS)
        self._lock.let_go()

    def stop(self) -> None:
        """End, and let the lock go."""
        self._stopped.set()
        self.join(timeout=5)


def _number(key: str) -> int:
    """31 bits that tell keys apart and do not tell what they are; 0 for none."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1 if key else 0
