"""The thread that takes back expired leases, wakes workers, and opens and closes seasons by their dates.

Of several servers on one PostgreSQL, one does it at a time.
"""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from challenge.util.queue import QUEUES
from leaderboard import counters
from leaderboard.config import Config
from leaderboard.db import cause, transaction
from leaderboard.queue import MOST_WAKE_UPS, Queue
from leaderboard.services import lease_recovery, queue_order, seasons, settings
from leaderboard.services.election import Election

log = logging.getLogger(__name__)


def reap_once(sessions: sessionmaker[Session], queue: Queue, config: Config) -> list[int]:
    """One look; the ids of the evaluations whose lease was taken back.

    The broker may have lost its messages, and a fault of the platform is followed by a pause: so as many
    wake-ups are kept in the broker as evaluations can be claimed, up to a bound.
    """
    with transaction(sessions) as session:
        lost = lease_recovery.reap_expired(session, config)
        session.flush()
        seasons.advance(session)
        waiting = {
            machine: queue_order.count_claimable(session, MOST_WAKE_UPS, machine) for machine in QUEUES
        }
        if settings.paused(session) is not None:
            waiting = {}
    counters.LEASES_LOST.inc(len(lost))
    for machine, count in waiting.items():
        if count:
            queue.top_up(count, machine)
    return lost


class LeaseReaper(threading.Thread):
    """Looks every few seconds until it is stopped."""

    def __init__(self, sessions: sessionmaker[Session], queue: Queue, config: Config) -> None:
        super().__init__(name="lease reaper", daemon=True)
        self._sessions = sessions
        self._queue = queue
        self._config = config
        self._election = Election(sessions.kw["bind"])
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look; a database or a broker that is away for a while must not end it."""
        try:
            self._look_until_stopped()
        finally:
            self._election.resign()

    def _look_until_stopped(self) -> None:
        renewed, failed = False, False
        while not self._stopped.wait(self._config.sweep_seconds if renewed else 0):
            try:
                if not renewed:
                    with self._sessions.begin() as session:
                        lease_recovery.renew_all(session, self._config)
                    renewed = True
                if not self._election.won():
                    continue
                for evaluation_id in reap_once(self._sessions, self._queue, self._config):
                    log.info("evaluation %d lost its worker and waits for another one", evaluation_id)
                failed = False
            except SQLAlchemyError as error:
                if not failed:
                    log.warning("lost evaluations cannot be looked for: %s", cause(error))
                failed = True
                self._stopped.wait(self._config.sweep_seconds)
            except Exception:
                # Nobody else finds what was lost.
                log.exception("the look for lost evaluations failed; the next one tries again")
                self._stopped.wait(self._config.sweep_seconds)

    def stop(self) -> None:
        """End after the look that is under way."""
        self._stopped.set()
        self.join(timeout=5)
