"""Sends evaluations to the workers: one task, by name."""

import logging
from typing import Any

from celery import Celery

from challenge.queue import QUEUE, TASK, celery_options

log = logging.getLogger(__name__)


class Queue:
    """The leaderboard's end of the queue."""

    def __init__(self, broker: str) -> None:
        self._app: Any = Celery("leaderboard", set_as_current=False)
        self._app.conf.update(celery_options(broker))

    def send(self, evaluation_id: int) -> bool:
        """Send one evaluation; False where the broker cannot be reached. The sweeper tries again then."""
        try:
            self._app.send_task(TASK, args=[evaluation_id], queue=QUEUE)
        except Exception:
            # Whatever a transport raises: a broker that is down must not lose a submission.
            log.exception("evaluation %d could not be sent", evaluation_id)
            return False
        return True

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()
