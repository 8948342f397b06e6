"""Which submissions have changed: announced to the event streams of this server, and of every other one.

PostgreSQL carries the news between servers (LISTEN and NOTIFY). SQLite has one server, which tells itself.
Announcements may be lost; those who wait look again after a while by themselves.
"""

import logging
import threading
from typing import Any, Final

from cachetools import LRUCache
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from leaderboard.db import cause
from leaderboard.models import Evaluation

log = logging.getLogger(__name__)

_CHANNEL: Final = "mbc_submission"
_CHANGED: Final = "changed submissions"
_REMEMBERED: Final = 4096
# Longest wait for news before the connection is looked at.
_LISTEN_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 2.0


class Changes:
    """The last change of each submission, as a number that grows, and those who wait for the next one."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._last: LRUCache[int, int] = LRUCache(_REMEMBERED)
        self._count = 0
        self._closed = False
        # Whether changes that other processes make are heard of.
        self.hears_others = False

    def note(self, submission_id: int) -> None:
        """Wake up those who wait for this submission."""
        with self._condition:
            self._count += 1
            self._last[submission_id] = self._count
            self._condition.notify_all()

    @property
    def count(self) -> int:
        """The number of the last change of any submission."""
        return self._count

    def last(self, submission_id: int) -> int:
        """The number of its last change; 0 where none is remembered."""
        with self._condition:
            return self._last.get(submission_id, 0)

    def wait(self, submission_id: int, seen: int, seconds: float) -> None:
        """Return when it has changed after `seen`, after so many seconds, or when everything closes."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._closed or self._last.get(submission_id, 0) != seen, timeout=seconds
            )

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def is_closed(self) -> bool:
        """Whether nobody is to wait any more."""
        return self._closed


def touch(session: Session, submission_id: int) -> None:
    """Tell of a change that the session does not see by itself, as it was made by a statement."""
    session.info.setdefault(_CHANGED, set()).add(submission_id)


def announce(sessions: sessionmaker[Session], changes: Changes | None = None) -> None:
    """From now on, let these sessions tell of every evaluation that they change, when they commit.

    Args:
        sessions: that write.
        changes: of this server; None for a process without event streams.
    """
    postgresql = sessions.kw["bind"].dialect.name == "postgresql"

    @event.listens_for(sessions, "after_flush")
    def collect(session: Session, _context: object) -> None:
        for row in (*session.new, *session.dirty, *session.deleted):
            if isinstance(row, Evaluation) and row.submission_id is not None:
                touch(session, row.submission_id)

    @event.listens_for(sessions, "before_commit")
    def tell_others(session: Session) -> None:
        if session.in_nested_transaction():
            return
        # What has not been flushed yet would be announced too late.
        session.flush()
        if postgresql:
            for number in session.info.get(_CHANGED, ()):
                session.execute(select(func.pg_notify(_CHANNEL, str(number))))

    @event.listens_for(sessions, "after_commit")
    def tell_ourselves(session: Session) -> None:
        if session.in_nested_transaction():
            return
        for number in session.info.pop(_CHANGED, ()):
            if changes is not None:
                changes.note(number)

    @event.listens_for(sessions, "after_rollback")
    def forget(session: Session) -> None:
        session.info.pop(_CHANGED, None)


class Listener(threading.Thread):
    """Hears what other servers on the same PostgreSQL tell of."""

    def __init__(self, engine: Engine, changes: Changes) -> None:
        super().__init__(name="listener", daemon=True)
        self._engine = engine
        self._changes = changes

    def run(self) -> None:
        """Listen until everything closes; a database that is away is asked again."""
        warned = False
        while not self._changes.is_closed():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - whatever the driver raises
                if self._changes.hears_others or not warned:
                    warned = True
                    why = cause(error) if isinstance(error, SQLAlchemyError) else error
                    log.warning("changes by other servers are not heard of at once: %s", why)
                self._changes.hears_others = False
                self._changes.wait(0, 0, _AGAIN_SECONDS)

    def _listen(self) -> None:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # It listens for good, and is no good for the pool.
        connection.detach()
        try:
            driver: Any = connection.connection.dbapi_connection
            driver.execute(f"LISTEN {_CHANNEL}")
            self._changes.hears_others = True
            while not self._changes.is_closed():
                for notice in driver.notifies(timeout=_LISTEN_SECONDS):
                    if notice.payload.isdecimal():
                        self._changes.note(int(notice.payload))
                    if self._changes.is_closed():
                        return
                # An answer that does not come is how a lost connection is found.
                driver.execute("SELECT 1")
        finally:
            connection.close()
