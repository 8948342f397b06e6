"""Server-sent events: a bounded number of them, each with an end."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from leaderboard.config import Config
from leaderboard.errors import Refused

_LOOK_SECONDS = 1.0


class EventStreams:
    """Counts the open event_streams: each holds a thread of the server."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._free = threading.BoundedSemaphore(config.streams) if config.streams else None
        self._closing = threading.Event()

    def close(self) -> None:
        """End all streams soon."""
        self._closing.set()

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

    def events(self, look: Callable[[], dict[str, Any]]) -> Iterator[str]:
        """What `look` sees, whenever it has changed, until it is final or the time is over."""
        end = time.monotonic() + self._config.stream_seconds
        last, spoke = "", time.monotonic()
        yield "retry: 2000\n\n"
        while True:
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
            if time.monotonic() > end or self._closing.wait(_LOOK_SECONDS):
                return
