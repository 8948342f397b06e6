"""Which of several servers on one database takes back leases and opens and closes seasons."""

from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

# Any number that nothing else in the database locks.
_SWEEPER_LOCK: Final = 0x6D6264


class Election:
    """A candidacy: the server that holds an advisory lock of PostgreSQL is elected while it is connected.

    SQLite has one server, which is always elected.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seat: Connection | None = None

    def won(self) -> bool:
        """Whether this server is elected now; SQLAlchemyError where the database does not answer."""
        if self._engine.dialect.name != "postgresql":
            return True
        if self._seat is not None:
            try:
                self._seat.execute(text("SELECT 1"))
            except SQLAlchemyError:
                # With its connection the lock is gone, and another server may have it already.
                self.resign()
                raise
            return True
        candidate = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # Closing it ends the session that holds the lock; one of the pool would keep it.
        candidate.detach()
        try:
            elected = candidate.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _SWEEPER_LOCK})
        except SQLAlchemyError:
            candidate.close()
            raise
        if not elected:
            candidate.close()
            return False
        self._seat = candidate
        return True

    def resign(self) -> None:
        """Let another server be elected."""
        if self._seat is not None:
            seat, self._seat = self._seat, None
            seat.close()
