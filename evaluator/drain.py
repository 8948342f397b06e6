"""What SIGTERM and Ctrl-C do to an evaluation that is under way: it is finished soon, or given back."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

log = logging.getLogger(__name__)

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


class Drained(BaseException):
    """The time to finish is over. No `Exception`: nothing on its way may take it for a failure of its own."""


class Drain:
    """Gives an evaluation some seconds when the worker is asked to stop, and none when it is asked again.

    Args:
        seconds: from the first signal; 0 ends it at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked = False

    def asked(self) -> bool:
        """Whether the worker was asked to stop during an evaluation."""
        return self._asked

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for signals inside the block, which the main thread runs.

        Raises:
            Drained: inside the block, when the seconds are over or at the second signal.
        """
        old = {number: signal.getsignal(number) for number in _STOPS}

        def stop(number: int, frame: FrameType | None) -> None:
            again, self._asked = self._asked, True
            if again:
                raise Drained
            before = old[signal.SIGTERM]
            if callable(before):
                # Celery's, which lets it take no other task.
                before(number, frame)
            if self._seconds <= 0:
                raise Drained
            log.info("asked to stop: finishing the stage, for %.0f s at most", self._seconds)
            timer.start()

        # The second signal, if nobody else sends one.
        timer = threading.Timer(self._seconds, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        _set(dict.fromkeys(_STOPS, stop))
        try:
            yield
        finally:
            timer.cancel()
            _set(old)


def _set(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        # None stands for a handler that was not set from Python.
        signal.signal(number, handler if handler is not None else signal.SIG_DFL)
