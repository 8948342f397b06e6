"""The thread that sends evaluations again when their lease has run out, or nobody claimed them."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from leaderboard.config import Config
from leaderboard.queue import Queue
from leaderboard.services import resending

log = logging.getLogger(__name__)


def dispatch(sessions: sessionmaker[Session], queue: Queue, evaluation_id: int) -> None:
    """Send an evaluation that is committed, and note whether it went."""
    arrived = queue.send(evaluation_id)
    with sessions.begin() as session:
        resending.sent(session, evaluation_id, arrived=arrived)


def sweep_once(sessions: sessionmaker[Session], queue: Queue, config: Config) -> list[int]:
    """One look; the ids of the evaluations that were sent."""
    with sessions.begin() as session:
        due = resending.sweep(session, config)
    for evaluation_id in due:
        dispatch(sessions, queue, evaluation_id)
    return due


class Sweeper(threading.Thread):
    """Sweeps every few seconds until it is stopped."""

    def __init__(self, sessions: sessionmaker[Session], queue: Queue, config: Config) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._sessions = sessions
        self._queue = queue
        self._config = config
        self._stopped = threading.Event()

    def run(self) -> None:
        """Sweep; a database or a broker that is away for a while must not end it."""
        while not self._stopped.wait(self._config.sweep_seconds):
            try:
                sweep_once(self._sessions, self._queue, self._config)
            except SQLAlchemyError:
                log.exception("the sweep failed; the next one tries again")

    def stop(self) -> None:
        """End after the sweep that is under way."""
        self._stopped.set()
        self.join(timeout=5)
