"""A socket whose reads may not hold a thread for long: slow clients wait their turn, or go."""

import contextlib
import select
import socket
import threading
import time
from typing import Any, Final

# A read that has to wait longer needs one of the few places for slow clients.
_QUICK_SECONDS: Final = 0.5
# No client may be silent for so long, nor leave so long what is sent to it.
_STALL_SECONDS: Final = 30.0
# After so long a request has to have come at this rate on average.
_GRACE_SECONDS: Final = 10.0
_BYTES_PER_SECOND: Final = 8 * 1024
# What is read before a connection is closed, so that the last answer arrives.
_DRAINED: Final = 16
_CHUNK: Final = 64 * 1024


class PacedSocket:
    """Reads as its socket does, and raises instead of holding a thread; the rest is the socket's own.

    Args:
        raw: the socket.
        places: how many clients may be waited for at a time, over all sockets.
    """

    def __init__(self, raw: socket.socket, places: threading.Semaphore) -> None:
        self._raw = raw
        self._places = places
        self.restart()

    def restart(self) -> None:
        """A new request begins."""
        self._waited = 0.0
        self._received = 0
        self._given_up = False

    def __getattr__(self, name: str) -> Any:
        """Whatever is not about reading."""
        return getattr(self._raw, name)

    def setblocking(self, flag: bool) -> None:
        """Block with a timeout only: a client that reads nothing must not hold a thread either."""
        self._raw.settimeout(_STALL_SECONDS if flag else 0.0)

    def shutdown(self, how: int) -> None:
        """Throw away what has come, and wait for no more: gunicorn would, in the one thread of its loop."""
        self._raw.shutdown(how)
        self._given_up = True
        self._raw.settimeout(0.0)
        with contextlib.suppress(OSError):
            for _ in range(_DRAINED):
                if not self._raw.recv(_CHUNK):
                    break

    def recv(self, size: int, *flags: int) -> bytes:
        """What has come; TimeoutError where nothing comes, or too little over a longer time."""
        if self._given_up:
            # What is left of a body is not waited for, not even to be thrown away.
            return b""
        began = time.monotonic()
        if self._raw.gettimeout() != 0.0 and not self._readable(_QUICK_SECONDS):
            if not self._places.acquire(blocking=False):
                raise self._slow("too many slow clients at a time")
            try:
                if not self._readable(_STALL_SECONDS):
                    raise self._slow(f"nothing came for {_STALL_SECONDS:.0f} seconds")
            finally:
                self._places.release()
        content = self._raw.recv(size, *flags)
        self._waited += time.monotonic() - began
        self._received += len(content)
        # Only the time spent waiting here counts: a slow server is no fault of the client.
        if self._waited > _GRACE_SECONDS and self._received < _BYTES_PER_SECOND * self._waited:
            raise self._slow(f"{self._received} bytes in {self._waited:.0f} seconds")
        return content

    def _slow(self, why: str) -> TimeoutError:
        self._given_up = True
        return TimeoutError(why)

    def _readable(self, seconds: float) -> bool:
        # Not select(): descriptors may be larger than it can hold.
        poll = select.poll()
        poll.register(self._raw.fileno(), select.POLLIN)
        return bool(poll.poll(1000 * seconds))
