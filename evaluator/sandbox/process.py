"""A child process with its pipes to the judge, its printed output, and a termination that cannot fail."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from evaluator.sandbox.limits import Limits

PART_BYTES: Final = 1 << 16
TAIL_BYTES: Final = 4096
END_SECONDS: Final = 10.0
REAP_SECONDS: Final = 2.0
# Behind a reaper, which measures exactly and ends a sandbox long before; the same in every sandbox.
CPU_BACKSTOP: Final = 30 * 86_400


def wants_gpu(device: str) -> bool:
    """Whether `device` ("auto", "cpu" or "cuda") means a GPU on this machine."""
    return device == "cuda" or (device == "auto" and Path("/dev/nvidiactl").exists())


def runner_options(
    limits: Limits,
    *,
    device: str,
    bundle: str,
    path: Sequence[str],
    confined: bool,
    filter_fd: int | None = None,
    descriptors: tuple[int, int] | None = None,
) -> bytes:
    """What the runner reads from the descriptor, or the file, that its one argument names.

    Args:
        limits: become hard limits of the process, where the system has such.
        device: "auto", "cpu" or "cuda".
        bundle: the bundle's folder as the runner sees it.
        path: where its libraries are.
        confined: whether it has a user namespace of its own, so that its processes can be counted.
        filter_fd: descriptor of the program that filters its system calls.
        descriptors: of requests and replies as the runner has them; None for its standard streams.
    """
    caps = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.files,
    }
    if confined:
        caps["RLIMIT_NPROC"] = limits.tasks
        caps["RLIMIT_CPU"] = CPU_BACKSTOP
    if not wants_gpu(device) and sys.platform == "linux":
        # CUDA reserves address space by the terabyte, and macOS refuses this limit.
        caps["RLIMIT_AS"] = limits.memory_bytes
    requests, replies = descriptors or (None, None)
    values: dict[str, Any] = {
        "requests": requests,
        "replies": replies,
        "filter": filter_fd,
        "limits": {} if sys.platform == "win32" else caps,
        "threads": limits.threads,
        "device": device,
        "bundle": bundle,
        "path": list(path),
    }
    return json.dumps(values).encode()


class Pipes:
    """The two pipes between judge and runner, made before the process, whose command names their ends."""

    def __init__(self) -> None:
        self.child_requests, self.requests = os.pipe()
        self.replies, self.child_replies = os.pipe()
        for descriptor in (self.requests, self.replies):
            os.set_blocking(descriptor, False)

    def close_child_ends(self) -> None:
        """After the process has them."""
        os.close(self.child_requests)
        os.close(self.child_replies)


@dataclass(frozen=True)
class ResourceUsage:
    """What a sandbox has used, by the kernel's counters; 0 where there is no counter.

    Attributes:
        cpu_seconds: processor time of all its processes.
        oom_kills: processes that the kernel killed because the sandbox's memory was used up.
        refused_tasks: how often a thread or process was refused, because there were as many as allowed.
        killed: 1 if a process outside killed the sandbox, or its reaper.
        reported: whether its reaper, where it has one, delivered its report.
    """

    cpu_seconds: float = 0.0
    oom_kills: float = 0.0
    refused_tasks: float = 0.0
    killed: float = 0.0
    reported: bool = True


class Lifeline:
    """Two pipes to a sandbox's reaper: it runs while the first is open, and reports through the second."""

    def __init__(self) -> None:
        self.watched, self._held = os.pipe()
        self._report, self.report_to = os.pipe()
        self._said = b""

    def close_child_ends(self) -> None:
        """After the reaper has them."""
        os.close(self.watched)
        os.close(self.report_to)

    def close(self) -> None:
        """Close this side's ends, where no reaper was started."""
        os.close(self._held)
        os.close(self._report)

    def started(self) -> int | None:
        """The process that the reaper has started; None where it has not said so yet."""
        self._hear(bool, 0.0)
        first = self._lines()[:1]
        return int(first[0]) if first and first[0].isdigit() else None

    def end(self, seconds: float, grace: float) -> ResourceUsage:
        """Wait up to `grace` seconds for the reaper's report, then close the lifeline and read it."""
        if grace:
            self._hear(_has_report, grace)
        os.close(self._held)
        try:
            if not self._hear(_has_report, seconds):
                return ResourceUsage(reported=False)
            return ResourceUsage(**json.loads(self._lines()[-1]))
        finally:
            os.close(self._report)

    def _lines(self) -> list[bytes]:
        return self._said.split(b"\n")[:-1]

    def _hear(self, enough: Callable[[list[bytes]], bool], seconds: float) -> bool:
        """Read what the reaper says until it is enough; False where that does not come in time."""
        deadline = time.monotonic() + seconds
        # By poll(2), because select(2) ends at descriptor 1023.
        poll = select.poll()
        poll.register(self._report, select.POLLIN)
        while not enough(self._lines()):
            if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
                return False
            part = os.read(self._report, select.PIPE_BUF)
            if not part:
                return False
            self._said += part
        return True


def _has_report(lines: list[bytes]) -> bool:
    return bool(lines) and lines[-1].startswith(b"{")


class Child:
    """A running child and what it prints, however its streams are read.

    Attributes:
        output_closed: whether it can print no more.
        used: what it has used, once it has ended.
    """

    _popen: subprocess.Popen[bytes]

    def __init__(self) -> None:
        self.output_closed = False
        self.used = ResourceUsage()
        self._ended = False
        self._printed = 0
        self._tail = b""

    @property
    def pid(self) -> int:
        """The id of the process that was started."""
        return self._popen.pid

    @property
    def outermost(self) -> int | None:
        """The process from which all of the sandbox come, once it has started."""
        return self.pid

    def drain(self, limit: int) -> bool:
        """Read what it has printed; False once that is more than `limit` bytes in all."""
        while True:
            try:
                part = self._read_output(PART_BYTES)
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
        """The last of what it printed: the submission's own words, not to be trusted or published."""
        # Once closed, the descriptor's number may be that of another sandbox's pipe.
        if not self._ended:
            with contextlib.suppress(OSError):
                self.drain(TAIL_BYTES + self._printed)
        return self._tail.decode("utf-8", "replace").strip()

    def _read_output(self, length: int) -> bytes:
        """At most so much of what it prints; b"" once it can print no more, BlockingIOError until then."""
        raise NotImplementedError


class Process(Child):
    """A running child. `end` may be called more than once."""

    def __init__(
        self,
        command: Sequence[str],
        pipes: Pipes,
        *,
        pass_fds: Sequence[int] = (),
        life: Lifeline | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Start it.

        Args:
            command: what to run; its environment is empty and its working directory "/".
            pipes: its child's ends are passed on and closed here.
            pass_fds: other descriptors that it inherits.
            life: pipes to its reaper, where it has one; their child's ends are passed on and closed here.
            after: called when it is gone, to clean up.
        """
        super().__init__()
        self.requests, self.replies = pipes.requests, pipes.replies
        self.output, theirs = os.pipe()
        os.set_blocking(self.output, False)
        self._life = life
        self._after = after
        lifeline = [life.watched, life.report_to] if life else []
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env={},
                cwd="/",
                close_fds=True,
                pass_fds=[pipes.child_requests, pipes.child_replies, *pass_fds, *lifeline],
                start_new_session=True,
            )
        except BaseException:
            self._close()
            if life:
                life.close()
            after()
            raise
        finally:
            os.close(theirs)
            pipes.close_child_ends()
            if life:
                life.close_child_ends()

    @property
    def running(self) -> bool:
        """Whether the process that was started is still there."""
        return self._popen.poll() is None

    @property
    def outermost(self) -> int | None:
        """As its reaper says, whose child it need not be."""
        return self.pid if self._life is None else self._life.started()

    def write(self, part: memoryview) -> int:
        """Hand over what fits of it to the child's requests; how much that was."""
        return os.write(self.requests, part)

    def read(self, length: int) -> bytes:
        """At most so much of its replies; b"" once it has closed them."""
        return os.read(self.replies, length)

    def _read_output(self, length: int) -> bytes:
        return os.read(self.output, length)

    def end(self, grace: float = 0.0) -> None:
        """Close the pipes and kill everything that was started.

        With `grace`, first wait that many seconds for the reaper to report how the sandbox ended.
        """
        if self._ended:
            return
        self._ended = True
        self._close()
        if self._life is not None:
            # The reaper sees it closed, kills everything, and reports what was used.
            self.used = self._life.end(END_SECONDS, grace)
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self._popen.wait(REAP_SECONDS) == -signal.SIGKILL:
                    # Not by this process, which does so only now.
                    self.used = replace(self.used, killed=1.0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        try:
            self._popen.wait(END_SECONDS)
        finally:
            self._after()

    def _close(self) -> None:
        for descriptor in (self.requests, self.replies, self.output):
            os.close(descriptor)
