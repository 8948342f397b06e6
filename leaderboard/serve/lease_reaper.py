"""The thread that sends evaluations again when their lease has run out, or nobody claimed them."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from leaderboard.config import Config
from leaderboard.db import cause
from leaderboard.queue import Queue
from leaderboard.services import lease_recovery

log = logging.getLogger(__name__)


def reap_once(sessions: sessionmaker[Session], queue: Queue, config: Config) -> list[int]:
    """One look; the ids of the evaluations that were sent."""
    with sessions.begin() as session:
        due = lease_recovery.reap_expired(session, config)
    for evaluation_id in due:
        lease_recovery.send(sessions, queue, evaluation_id)
    return due


class LeaseReaper(threading.Thread):
    """Sweeps every few seconds until it is stopped."""

    def __init__(self, sessions: sessionmaker[Session], queue: Queue, config: Config) -> None:
        super().__init__(name="lease reaper", daemon=True)
        self._sessions = sessions
        self._queue = queue
        self._config = config
        self._stopped = threading.Event()

    def run(self) -> None:
        """Sweep; a database or a broker that is away for a while must not end it."""
        settled, failed = False, False
        while not self._stopped.wait(self._config.sweep_seconds if settled else 0):
            try:
                if not settled:
                    with self._sessions.begin() as session:
                        lease_recovery.renew_all(session, self._config)
                    settled = True
                for evaluation_id in reap_once(self._sessions, self._queue, self._config):
                    log.info("evaluation %d was sent again", evaluation_id)
                failed = False
            except SQLAlchemyError as error:
                if not failed:
                    log.warning("lost evaluations cannot be looked for: %s", cause(error))
                failed = True
                self._stopped.wait(self._config.sweep_seconds)
            except Exception:
                # Whatever it is, nobody else sends again what was lost.
                log.exception("the look for lost evaluations failed; the next one tries again")
                self._stopped.wait(self._config.sweep_seconds)

    def stop(self) -> None:
        """End after the sweep that is under way."""
        self._stopped.set()
        self.join(timeout=5)
