"""Sends evaluations and tiles to the workers: two tasks, by name."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from celery import Celery

from challenge.util.queue import QUEUE, TASK, TILE_QUEUE, TILE_TASK, celery_options

log = logging.getLogger(__name__)

# Whoever wished for tiles has by then moved on, or wished again.
_TILE_SECONDS: Final = 60


class Queue:
    """The leaderboard's end of the queue."""

    def __init__(self, broker: str) -> None:
        self._app: Any = Celery("leaderboard", set_as_current=False)
        self._app.conf.update(celery_options(broker))

    def send(self, evaluation_id: int) -> bool:
        """Send one evaluation; False where the broker cannot be reached. The lease reaper tries again."""
        try:
            self._app.send_task(TASK, args=[evaluation_id], queue=QUEUE)
        except Exception:
            # Whatever a transport raises: a broker that is down must not lose a submission.
            log.exception("evaluation %d could not be sent", evaluation_id)
            return False
        return True

    def send_tiles(self, submission_id: int, tiles: Sequence[Sequence[int]]) -> bool:
        """Send tiles (octave, x, y) of a model to be drawn; False where the broker cannot be reached."""
        try:
            self._app.send_task(
                TILE_TASK, args=[submission_id, tiles], queue=TILE_QUEUE, expires=_TILE_SECONDS
            )
        except Exception:
            log.exception("tiles of submission %d could not be sent", submission_id)
            return False
        return True

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()
