"""Server-sent events: a bounded number of them, each with an end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from leaderboard.config import Config
from leaderboard.errors import Refused

_LOOK_SECONDS = 1.0
_SIGN_OF_LIFE_SECONDS = 15.0


class Streams:
    """Counts the open streams: each holds a thread of the server."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._free = threading.BoundedSemaphore(config.streams) if config.streams else None
        self._closing = threading.Event()

    def close(self) -> None:
        """End all streams soon."""
        self._closing.set()

    def follow(self, look: Callable[[], dict[str, Any]]) -> Iterator[str]:
        """Events of what `look` sees, whenever it has changed, until it is final or the time is over.

        Raises:
            Refused: with 503, where too many streams are open; a client polls instead.
        """
        if self._free is None or not self._free.acquire(blocking=False):
            raise Refused(503, "streams_full", "Too many live views are open; ask again from time to time.")
        return self._events(look, self._free)

    def _events(self, look: Callable[[], dict[str, Any]], slot: threading.BoundedSemaphore) -> Iterator[str]:
        try:
            end = time.monotonic() + self._config.stream_seconds
            last, spoke = "", time.monotonic()
            yield "retry: 2000\n\n"
            while True:
                seen = look()
                text = json.dumps(seen, allow_nan=False)
                if text != last:
                    yield f"event: status\ndata: {text}\n\n"
                    last, spoke = text, time.monotonic()
                elif time.monotonic() - spoke > _SIGN_OF_LIFE_SECONDS:
                    # Also how we learn that nobody listens any more.
                    yield ": still here\n\n"
                    spoke = time.monotonic()
                if seen["final"]:
                    yield "event: end\ndata: {}\n\n"
                    return
                if time.monotonic() > end or self._closing.wait(_LOOK_SECONDS):
                    return
        finally:
            slot.release()
