"""A child process on any operating system: its standard streams, and threads between them and sockets.

Anonymous pipes cannot be waited for with a deadline on every system; sockets can. So each stream of the child
has a thread that copies it from or to a pair of sockets, whose other end the session waits for.
"""

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any, Final

from evaluator.sandbox.process import END_SECONDS, PART_BYTES, Child

# Without the first, Windows starts no program that uses its random numbers.
_KEPT: Final = ("SYSTEMROOT", "TEMP", "TMP")


def bare_environment() -> dict[str, str]:
    """The environment variables that a program of the system needs to start, and none of ours."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


class PumpedProcess(Child):
    """A running child, as `Process` is one; requests go to its standard input, replies to its output."""

    def __init__(self, command: Sequence[str], *, after: Callable[[], None] = lambda: None) -> None:
        """Start it; `after` is called when it is gone, to clean up."""
        super().__init__()
        self._after = after
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=bare_environment(),
                cwd=os.sep,
                bufsize=0,
                start_new_session=True,
            )
        except BaseException:
            after()
            raise
        assert self._popen.stdin
        assert self._popen.stdout
        assert self._popen.stderr
        self._ends = [socket.socketpair() for _ in range(3)]
        self.requests, self.replies, self.output = (ours for ours, _ in self._ends)
        for end in (self.requests, self.replies, self.output):
            end.setblocking(False)
        theirs = [their for _, their in self._ends]
        self._pumps = [
            threading.Thread(target=_pump_in, args=(theirs[0], self._popen.stdin), daemon=True),
            threading.Thread(target=_pump_out, args=(self._popen.stdout, theirs[1]), daemon=True),
            threading.Thread(target=_pump_out, args=(self._popen.stderr, theirs[2]), daemon=True),
        ]
        for pump in self._pumps:
            pump.start()

    def write(self, part: memoryview) -> int:
        """Hand over what fits of it to the child's requests; how much that was."""
        return self.requests.send(part)

    def read(self, length: int) -> bytes:
        """At most so much of its replies; b"" once it has closed them."""
        return _received(self.replies, length)

    def _read_output(self, length: int) -> bytes:
        return _received(self.output, length)

    def end(self, grace: float = 0.0) -> None:
        """Kill it, after up to `grace` seconds in which it may end by itself, and clean up."""
        if self._ended:
            return
        self._ended = True
        if grace:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.kill()
        try:
            self._popen.wait(END_SECONDS)
            for ours, their in self._ends:
                for end in (ours, their):
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
            for pump in self._pumps:
                pump.join(END_SECONDS)
            for ours, their in self._ends:
                ours.close()
                their.close()
        finally:
            self._after()


def _received(stream: socket.socket, length: int) -> bytes:
    try:
        return stream.recv(length)
    except ConnectionError:
        return b""


def _pump_in(requests: socket.socket, stream: IO[Any]) -> None:
    with stream, contextlib.suppress(OSError):
        while part := requests.recv(PART_BYTES):
            view = memoryview(part)
            while view:
                view = view[stream.write(view) :]
    # The other end is closed: the session notices when it next writes.
    with contextlib.suppress(OSError):
        requests.shutdown(socket.SHUT_RDWR)


def _pump_out(stream: IO[Any], replies: socket.socket) -> None:
    with stream, contextlib.suppress(OSError):
        while part := stream.read(PART_BYTES):
            replies.sendall(part)
    with contextlib.suppress(OSError):
        replies.shutdown(socket.SHUT_RDWR)
