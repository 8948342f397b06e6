"""Several workers on one machine, each a process: a sandbox belongs to its process's main thread."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from evaluator.sandbox import gpus

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.2
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
# Whoever ran that long ends for another reason than the one before.
_STEADY_SECONDS: Final = 60.0
_STOPS: Final = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG: Final = 1


def run(command: Sequence[str], count: int, *, gpu: bool) -> None:
    """Run a command in several processes until this one is told to stop and all of them have ended.

    SIGTERM and Ctrl-C are passed on to each, the second as well as the first. One that ends by itself is
    started again, after a pause that doubles each time.

    Args:
        command: of one worker.
        count: how many.
        gpu: whether they share this machine's GPUs: each sees one, and its sandbox that one alone.
    """
    seen = gpus.visible() if gpu else ()
    workers = [
        _Worker(command, gpus.only(seen[number % len(seen)]) if seen else {}) for number in range(count)
    ]
    signals: list[int] = []
    before = {number: signal.signal(number, lambda got, _: signals.append(got)) for number in _STOPS}
    try:
        passed = 0
        while not signals or any(worker.running for worker in workers):
            if len(signals) > passed:
                passed = len(signals)
                for worker in workers:
                    worker.ask_to_stop()
            if not signals:
                for worker in workers:
                    worker.look()
            time.sleep(_LOOK_SECONDS)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Worker:
    """One process, which starts again when it has ended by itself."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._pause = _FIRST_PAUSE
        self._started = self._again_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask_to_stop(self) -> None:
        """SIGTERM, which lets it drain."""
        if self._process is not None and self.running:
            self._process.terminate()

    def look(self) -> None:
        """Start it where it does not run and its pause is over."""
        moment = time.monotonic()
        if self._process is None:
            if moment >= self._again_at:
                self._start(moment)
        elif not self.running:
            if moment - self._started > _STEADY_SECONDS:
                self._pause = _FIRST_PAUSE
            status = self._process.returncode
            log.warning("a worker ended with status %s; it starts again in %.0f s", status, self._pause)
            self._process, self._again_at = None, moment + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _start(self, moment: float) -> None:
        self._started = moment
        self._process = subprocess.Popen(
            self._command,
            env=os.environ | self._environment,
            # A group of its own: Ctrl-C reaches the parent, which passes it on once.
            start_new_session=True,
            # The parent has no threads, which is what makes this safe.
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )


def _end_with_parent() -> None:
    # A parent that is killed cannot stop anybody; Linux does it in its place.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
