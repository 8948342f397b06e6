"""Messages to the workers through the broker: wake-ups, and tiles to draw.

The database holds what waits and in which order; a wake-up says that something may wait. See
docs/decisions/0001-queue.md.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

from celery import Celery

from challenge.scoring.tracks import CPU
from challenge.util.queue import QUEUES, TASK, TILE_QUEUE, TILE_TASK, celery_options

log = logging.getLogger(__name__)

# More workers than this find each other's wake-ups within a few looks of the lease reaper.
MOST_WAKE_UPS: Final = 16
# A browser that asked for tiles asks again before this, or has moved on.
_TILE_SECONDS: Final = 60


class Queue:
    """The leaderboard's end of the broker."""

    def __init__(self, broker: str) -> None:
        self._app: Any = Celery("leaderboard", set_as_current=False)
        self._app.conf.update(celery_options(broker))

    def wake(self, machine: str = CPU) -> bool:
        """Wake one worker of a class; False where the broker cannot be reached. The lease reaper tries again.

        It also wakes those of the other classes, of which there may be none: their queues are kept bounded.
        """
        try:
            self._app.send_task(TASK, queue=QUEUES[machine])
        except Exception:
            # Whatever a transport raises: a broker that is down must not lose a submission.
            log.exception("no worker could be woken")
            return False
        return True

    def top_up(self, wanted: int, machine: str = CPU) -> bool:
        """Let the broker hold at least `wanted` wake-ups of a class; False where it cannot be reached."""
        try:
            held = self._held(QUEUES[machine])
        except Exception:
            log.exception("the broker cannot be asked how many wake-ups it holds")
            return False
        return all(self.wake(machine) for _ in range(wanted - held))

    def _held(self, queue: str) -> int:
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
            with connection.channel() as channel:
                # The name, durable as Celery declares it: a queue that nobody has declared yet is empty.
                return int(channel.queue_declare(queue, durable=True, auto_delete=False).message_count)

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
