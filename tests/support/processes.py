"""Processes that tests start: their families, free ports, and a whole `mbc serve`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

MBC = (sys.executable, "-m", "challenge.commands.cli")
PATIENCE = 240.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _state(pid):
    """(state letter, start time in ticks) of a process, or (None, None) once it is gone."""
    try:
        state, *_, when = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:20]
    except (OSError, ValueError):
        return None, None
    return state, when


def started(pid):
    """When a process was started, in ticks (a number is used again, by a later one); None once it is gone."""
    return _state(pid)[1]


def children(pid):
    found = []
    # The process, or one of its threads, may have gone meanwhile.
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
    return found


def descendants(pid):
    """Every process that came from `pid`, as {pid: start time}."""
    found = {}
    for child in children(pid):
        found[child] = started(child)
        found |= descendants(child)
    return found


def family(pid):
    """The process and its descendants, as {pid: start time}."""
    return {pid: started(pid)} | descendants(pid)


def alive(processes, *, zombies=True):
    """Those of {pid: start time} that are still there.

    A number that was given to another process does not count. A zombie has ended, and waits for its parent to
    collect its status: `zombies` says whether it counts.
    """
    now = {pid: _state(pid) for pid in processes}
    return [
        pid
        for pid, when in processes.items()
        if when is not None and now[pid][1] == when and (zombies or now[pid][0] != "Z")
    ]


def command(pid):
    """The arguments of a process; [""] once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


class Server:
    """`mbc serve` in a folder of its own, and `mbc` as its user runs it.

    Attributes:
        url: its address.
        data: its data directory.
        environment: of the server, and of every command that `mbc` and `start` run.
        process: the process of `mbc serve`.
    """

    def __init__(self, folder, *options, port=None, environment=None):
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "data"
        self.config = folder / "config.toml"
        self.environment = {
            **os.environ,
            "MBC_CONFIG": str(self.config),
            "PYTHONUNBUFFERED": "1",
            "MBC_BOARD_CHAINS": "16",
            **(environment or {}),
        }
        self.output = folder / f"output-{self.port}-{time.monotonic_ns()}"
        serve = (*MBC, "serve", "--data", self.data, "--port", self.port, *options)
        with self.output.open("wb") as out:
            self.process = self.start(*serve, stdout=out, stderr=subprocess.STDOUT)

    def start(self, *arguments, environment=None, **options):
        """Start a program beside the server."""
        environment = self.environment | (environment or {})
        return subprocess.Popen([*map(str, arguments)], env=environment, **options)

    def mbc(self, *arguments, code=0):
        """What a command prints; it must end with that exit code."""
        done = subprocess.run(
            [*MBC, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=PATIENCE,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}\n{self.said()}"
        return done.stdout

    def said(self):
        """All that the server has printed."""
        return self.output.read_text()

    def token(self, name):
        return (self.data / "tokens" / name).read_text().strip()

    def headers(self, name):
        """The Authorization of `local`, who hands in, or of `worker`."""
        return {"Authorization": f"Bearer {self.token(name)}"}

    def get(self, path, **options):
        return httpx.get(f"{self.url}{path}", **{"timeout": 30} | options)

    def entries(self, track="open"):
        return self.get("/api/v1/board", params={"track": track}).json()["entries"]

    def until(self, what, answered, patience=PATIENCE, pause=0.1):
        """What `answered` returns, once that is true; `what` names it in the message of a failure."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said()
            with contextlib.suppress(httpx.TransportError):
                if found := answered():
                    return found
            time.sleep(pause)
        return pytest.fail(f"no {what} within {patience} s\n{self.said()}")

    def wait_until_up(self):
        self.until("server", lambda: self.get("/api/v1/seasons").is_success, 90)

    def wait_for(self, sentence, seconds=60):
        """Wait until the server has printed it."""
        self.until(repr(sentence), lambda: sentence in self.said(), seconds, pause=0.05)

    def submit(self, folder, *options, code=0):
        """The status of a submission that `mbc submit` has followed to its end."""
        return json.loads(self.mbc("submit", folder, *options, "--json", code=code))

    def stop(self, number=signal.SIGINT, patience=30):
        """Signal it, and wait: its exit status, and after how many seconds it ended."""
        self.process.send_signal(number)
        began = time.monotonic()
        try:
            return self.process.wait(patience), time.monotonic() - began
        finally:
            self.process.kill()
