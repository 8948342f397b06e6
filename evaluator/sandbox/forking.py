"""A process that has imported torch and forks sandboxes: half of an evaluation went into importing it anew.

`fork_server` says what runs in it and why no sandbox can leave anything there for another one.
"""

import atexit
import contextlib
import json
import logging
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from evaluator.sandbox import fork_server
from evaluator.sandbox.files import in_memory
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.process import Lifeline, Pipes, Process
from evaluator.sandbox.reaper import FIRST_DESCRIPTOR
from evaluator.sandbox.supervision import supervised

log = logging.getLogger(__name__)

_START_SECONDS: Final = 60.0
_READY: Final = b"ready"
_lock: Final = threading.Lock()
# By process, which forks itself in tests and in Celery, and by kind.
_servers: dict[tuple[int, str], "ForkServer | None"] = {}


class ForkServer:
    """A running server.

    Attributes:
        requests: descriptor of the socket by which reapers ask for a sandbox.
    """

    def __init__(self, process: Process, requests: int) -> None:
        self._process = process
        self.requests = requests

    @property
    def running(self) -> bool:
        """Whether it can be asked."""
        return self._process.running

    def options(self, limits: Limits) -> dict[str, Any]:
        """Options for the reaper of a sandbox that is forked here."""
        return {"server": self.requests, "request": {"tmp_bytes": limits.tmp_bytes}, "folder": None}

    def ready(self) -> bool:
        """Wait until it has imported and tried to make namespaces; False if it cannot."""
        poll = select.poll()
        poll.register(self._process.replies, select.POLLIN)
        deadline = time.monotonic() + _START_SECONDS
        said = b""
        while said != _READY and poll.poll(1000 * max(0.0, deadline - time.monotonic())):
            part = self._process.read(len(_READY))
            if not part:
                break
            said += part
        return said == _READY

    def said(self) -> str:
        """The last of what it printed."""
        return self._process.said()

    def end(self) -> None:
        """End it, and every sandbox that came from it."""
        self._process.end()
        os.close(self.requests)


def shared(kind: str, start: Callable[[int], Process]) -> ForkServer | None:
    """This process's server of a kind, started where there is none; None where none works on this machine.

    Args:
        kind: what its sandboxes see.
        start: starts one, given its end of the socket.
    """
    key = (os.getpid(), kind)
    with _lock:
        server = _servers.get(key)
        if server is not None and not server.running:
            server.end()
            del _servers[key]
        if key not in _servers:
            _servers[key] = _started(start)
        return _servers[key]


@atexit.register
def _end() -> None:
    for (process, _), server in _servers.items():
        if server is not None and process == os.getpid():
            with contextlib.suppress(OSError):
                server.end()


def _started(start: Callable[[int], Process]) -> ForkServer | None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = ForkServer(start(theirs.fileno()), ours.detach())
    if server.ready():
        return server
    log.info("each sandbox imports torch anew, because none can be forked: %s", server.said())
    server.end()
    return None


def start(
    requests: int,
    arguments: list[str],
    files: dict[str, bytes],
    launch: Callable[[str, list[str]], tuple[list[str], dict[str, Any]]],
    namespaces: Sequence[int],
) -> Process:
    """Start a server, in a sandbox without a submission.

    Args:
        requests: its end of the socket.
        arguments: bubblewrap's, which show what sandboxes see.
        files: what of the runner's files those do not show, by path.
        launch: gives the command that runs another one in that sandbox, and the reaper's options for it.
        namespaces: descriptors that those name.
    """
    with contextlib.ExitStack() as descriptors:
        pipes = Pipes()
        passed = [pipes.child_requests, pipes.child_replies, requests]

        def given(descriptor: int) -> str:
            descriptors.callback(os.close, descriptor)
            passed.append(descriptor)
            return str(FIRST_DESCRIPTOR + len(passed) - 1)

        # There it says who is who in a new user namespace; its own sandbox has no /proc.
        proc = given(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY))
        for name, content in files.items():
            arguments += ["--perms", "0444", "--file", given(in_memory(content)), f"/{name}"]
        arguments += ["--dir", "/bundle", "--remount-ro", "/"]
        inner = [sys.executable, "-I", "-S", "-B", f"/runner/{Path(fork_server.__file__).name}"]
        inner += [str(FIRST_DESCRIPTOR + 2), proc, str(FIRST_DESCRIPTOR + 1)]
        command, options = launch(given(in_memory(joined(arguments))), inner)
        options |= {"groups": [], "counters": {}, "cpu_seconds": None, "filtered": False}
        life = Lifeline()
        return Process(
            supervised(command, life, options | {"descriptors": passed}),
            pipes,
            pass_fds=[*passed[2:], *namespaces],
            life=life,
        )


def joined(arguments: list[str]) -> bytes:
    """Arguments as bubblewrap reads them from a file."""
    return b"".join(argument.encode() + b"\0" for argument in arguments)


def packed(files: dict[str, bytes]) -> bytes:
    """Files by name as the server reads them: a line with their sizes, then what they hold."""
    sizes = json.dumps({name: len(content) for name, content in files.items()})
    return b"\n".join((sizes.encode(), b"".join(files.values())))
