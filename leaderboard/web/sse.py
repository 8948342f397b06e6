"""Server-sent events: a bounded number of them, each with an end.

A stream looks when something has changed, and now and then by itself: how many wait before a submission
changes with others, and news of other processes may be lost.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.services.changes import Changes

# Seconds between two queries without news, where changes by other processes are announced, and where not.
_HEARING_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0


class EventStreams:
    """Counts the open event_streams: each holds a thread of the server."""

    def __init__(self, config: Config, changes: Changes) -> None:
        self._config = config
        self._changes = changes
        self._free = threading.BoundedSemaphore(config.streams) if config.streams else None

    def close(self) -> None:
        """End all streams soon."""
        self._changes.close()

    def take(self) -> Callable[[], None]:
        """Take the place of one stream; returns what gives it back, once, however often it is called.

        Raises:
            Refused: with 503, where too many streams are open; a client polls instead.
        """
        if self._free is None or not self._free.acquire(blocking=False):
            raise Refused(503, "streams_full", "Too many live views are open; ask again from time to time.")
        places = [self._free]

        def give_back() -> None:
            with contextlib.suppress(IndexError):
                places.pop().release()

        return give_back

    def events(self, submission_id: int, look: Callable[[], dict[str, Any]]) -> Iterator[str]:
        """What `look` sees of a submission, whenever it has changed, until it is final or time is over."""
        end = time.monotonic() + self._config.stream_seconds
        last, spoke = "", time.monotonic()
        yield "retry: 2000\n\n"
        while True:
            number = self._changes.last(submission_id)
            seen = look()
            text = json.dumps(seen, allow_nan=False)
            if text != last:
                yield f"event: status\ndata: {text}\n\n"
                last, spoke = text, time.monotonic()
            elif time.monotonic() - spoke > self._config.sign_seconds:
                # This is how we learn that nobody listens any more.
                yield ": still here\n\n"
                spoke = time.monotonic()
            if seen["final"]:
                yield "event: end\ndata: {}\n\n"
                return
            pause = _HEARING_SECONDS if self._changes.hears_others else _LOOK_SECONDS
            self._changes.wait(submission_id, number, min(pause, self._config.sign_seconds))
            if time.monotonic() > end or self._changes.is_closed():
                return
