"""A child process with its two pipes, what it prints, and its certain end."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from evaluator.limits import Limits

TAIL_BYTES: Final = 4096
END_SECONDS: Final = 10.0
REAP_SECONDS: Final = 2.0


def wants_gpu(device: str) -> bool:
    """Whether a child that is told `device` ("auto", "cpu" or "cuda") will find a GPU to use."""
    return device == "cuda" or (device == "auto" and Path("/dev/nvidiactl").exists())


class Pipes:
    """The pipes between judge and child, made before the process, so that its command can name their ends."""

    def __init__(self) -> None:
        self.child_requests, self.requests = os.pipe()
        self.replies, self.child_replies = os.pipe()
        for descriptor in (self.requests, self.replies):
            os.set_blocking(descriptor, False)

    def options(
        self,
        limits: Limits,
        *,
        device: str,
        bundle: str,
        path: Sequence[str],
        confined: bool,
        filter_fd: int | None = None,
    ) -> str:
        """The child's one argument.

        Args:
            limits: become hard limits of the process.
            device: "auto", "cpu" or "cuda".
            bundle: the bundle's folder as the child sees it.
            path: where its libraries are.
            confined: whether it has a user namespace of its own, so that its processes can be counted.
            filter_fd: descriptor of the program that filters its system calls.
        """
        caps = {
            "RLIMIT_CORE": 0,
            "RLIMIT_CPU": limits.cpu_seconds,
            "RLIMIT_FSIZE": limits.file_bytes,
            "RLIMIT_NOFILE": limits.files,
        }
        if confined:
            # Each of its pools, of OpenMP, of MKL and of its own, has as many threads.
            caps["RLIMIT_NPROC"] = limits.processes + 4 * limits.threads
        if not wants_gpu(device):
            # CUDA reserves address space by the terabyte.
            caps["RLIMIT_AS"] = limits.memory_bytes
        values: dict[str, Any] = {
            "requests": self.child_requests,
            "replies": self.child_replies,
            "filter": filter_fd,
            "limits": caps,
            "threads": limits.threads,
            "device": device,
            "bundle": bundle,
            "path": list(path),
        }
        return json.dumps(values)

    def close_child_ends(self) -> None:
        """After the process has them."""
        os.close(self.child_requests)
        os.close(self.child_replies)


class Process:
    """A running child. `end` may be called more than once."""

    def __init__(
        self,
        command: Sequence[str],
        pipes: Pipes,
        *,
        pass_fds: Sequence[int] = (),
        user: int | None = None,
        before_kill: Callable[[], None] | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Start it.

        Args:
            command: what to run; its environment is empty and its working directory "/".
            pipes: its child's ends are passed on and closed here.
            pass_fds: other descriptors that it inherits.
            user: uid and gid to drop to first; None keeps ours.
            before_kill: called before the process is killed, to end what it has started.
            after: called when it is gone, to clean up.
        """
        self.requests, self.replies = pipes.requests, pipes.replies
        self.output, theirs = os.pipe()
        os.set_blocking(self.output, False)
        self.output_closed = False
        self._printed = 0
        self._tail = b""
        self._before_kill = before_kill
        self._after = after
        self._ended = False
        identity: dict[str, Any] = {}
        if user is not None:
            identity = {"user": user, "group": user, "extra_groups": []}
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env={},
                cwd="/",
                close_fds=True,
                pass_fds=[pipes.child_requests, pipes.child_replies, *pass_fds],
                start_new_session=True,
                **identity,
            )
        except BaseException:
            self._close()
            after()
            raise
        finally:
            os.close(theirs)
            pipes.close_child_ends()

    def drain(self, limit: int) -> bool:
        """Read what it has printed; False once that is more than `limit` bytes in all."""
        while True:
            try:
                part = os.read(self.output, 1 << 16)
            except BlockingIOError:
                return True
            if not part:
                self.output_closed = True
                return True
            self._printed += len(part)
            self._tail = (self._tail + part)[-TAIL_BYTES:]
            if self._printed > limit:
                return False

    def said(self) -> str:
        """The end of what it printed: the submission's own words, not ours."""
        with contextlib.suppress(OSError):
            self.drain(TAIL_BYTES + self._printed)
        return self._tail.decode("utf-8", "replace").strip()

    def end(self) -> None:
        """Close the pipes and kill everything that was started."""
        if self._ended:
            return
        self._ended = True
        self._close()
        if self._before_kill is not None:
            self._before_kill()
            # Its parent sees it end, and ends too; killed at once, it would leave a dead child to init.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(REAP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        try:
            self._popen.wait(END_SECONDS)
        finally:
            self._after()

    def _close(self) -> None:
        for descriptor in (self.requests, self.replies, self.output):
            os.close(descriptor)
