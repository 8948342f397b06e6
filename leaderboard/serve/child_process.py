"""Child processes that end with their parent and start again when they end by themselves."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import Final

_LONGEST_PAUSE: Final = 30.0
# What ended for a reason that lasts (a setting, nothing to work with) is not tried again every half minute.
_LONGEST_PAUSE_OF_REFUSAL: Final = 900.0
_REFUSALS: Final = (2, 5)
_PR_SET_PDEATHSIG: Final = 1
_STEADY_SECONDS: Final = 60.0


def _die_with_parent() -> None:
    # A parent that is killed cannot stop anybody; Linux does it in its place.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Child:
    """One process, in a group of its own, so that Ctrl-C reaches only its parent."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        fds: tuple[int, ...] = (),
        output: int | None = None,
    ) -> None:
        """A process that is not started yet.

        Args:
            name: for messages about it.
            command: what to run.
            environment: besides this process's own.
            fds: descriptors that it inherits.
            output: descriptor for all that it prints; None for this process's own.
        """
        self.name = name
        self._command = command
        self._environment = environment
        self._fds = fds
        self._output = output
        self._pause = 1.0
        self._started = 0.0
        self._again_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._last_status: int | None = None
        self.is_news = False

    def start(self) -> None:
        """Start it."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            env=os.environ | self._environment,
            pass_fds=self._fds,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
            # The parent has no threads, which is what makes this safe.
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )

    def ended(self) -> int | None:
        """The status with which it ended since it was last asked; None while it runs or is about to again.

        `is_news` says whether it ran for a while before, or ended in another way the last time.
        """
        if self._process is None:
            if self._again_at <= time.monotonic():
                self.start()
            return None
        status = self._process.poll()
        if status is None:
            return None
        steady = time.monotonic() - self._started > _STEADY_SECONDS
        if steady:
            self._pause = 1.0
        self.is_news = steady or status != self._last_status
        self._last_status = status
        self._again_at = time.monotonic() + self._pause
        longest = _LONGEST_PAUSE_OF_REFUSAL if status in _REFUSALS else _LONGEST_PAUSE
        self._pause = min(2 * self._pause, longest)
        self._process = None
        return status

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, deadline: float) -> None:
        """Wait for it until a moment of the monotonic clock, then kill it and all that it started."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        # Also when it ended well: what it left behind must not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
