"""`mbc serve`: a server and an evaluator as child processes; submits the references."""

import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
from sqlalchemy.exc import SQLAlchemyError

from leaderboard.config import Config
from leaderboard.db import cause
from leaderboard.errors import Refused
from leaderboard.serve import wsgi
from leaderboard.serve.bootstrap import Bootstrap, release_crashed_worker
from leaderboard.serve.child_process import Child
from leaderboard.serve.references import submit_references, summary
from leaderboard.serve.screen import Screen

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 3.0
# How often it is asked how far everything is.
_SUMMARY_SECONDS: Final = 3.0


class Stopped(Exception):  # noqa: N818 - somebody wants us to end
    """Ctrl-C, or SIGTERM."""


def listen(host: str, port: int) -> socket.socket:
    """The listening socket; Refused where the address cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise Refused(
            503,
            "port",
            f"Port {port} on {host} cannot be used: {error.strerror or error}. Try another one with --port.",
        ) from error
    return listener


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the server."""
    if host in ("", "0.0.0.0", "::", "localhost"):  # noqa: S104 - it is compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Supervisor:
    """Runs the children until it is told to stop."""

    def __init__(
        self,
        config: Config,
        bootstrapped: Bootstrap,
        listener: socket.socket,
        url: str,
        screen: Screen,
        *,
        worker: bool,
    ) -> None:
        self._config = config
        self._bootstrapped = bootstrapped
        self._url = url
        self._screen = screen
        self._say = screen.say
        server = Child(
            "server",
            [sys.executable, "-m", "leaderboard.serve.wsgi"],
            {wsgi.SETTINGS: config.to_json(), wsgi.SOCKET: str(listener.fileno())},
            (listener.fileno(),),
            screen.children,
        )
        self._children = [server]
        if worker:
            command = [sys.executable, "-m", "challenge.commands.cli", "worker"]
            command += ["--server", url, "--broker", config.broker]
            token = {"MBC_WORKER_TOKEN": bootstrapped.worker_token}
            self._children.append(
                Child("evaluator", [*command, "--drain", "0"], token, output=screen.children)
            )
            # Visitors of the explorer do not wait for a verdict, nor the other way round.
            self._children.append(Child("tile painter", [*command, "--tiles"], token, output=screen.children))

    def run(self, references: Path | None) -> None:
        """Serve until Ctrl-C or SIGTERM."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            raise Stopped

        old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._children[0].start()
            self._wait_until_up()
            self._say(f"The board is at {self._url}")
            for child in self._children[1:]:
                child.start()
            if references is not None:
                submit_references(
                    self._config, self._url, self._bootstrapped.reference_token, references, self._say
                )
            self._say("Press Ctrl-C to stop. What is judged is kept; the rest goes on at the next start.")
            looked = 0.0
            while True:
                self._look_after_children()
                self._screen.pass_on()
                if time.monotonic() - looked > _SUMMARY_SECONDS:
                    looked = time.monotonic()
                    self._screen.show(summary(self._url))
                time.sleep(0.5)
        except Stopped:
            self._say("Stopping.")
        finally:
            for number in old:
                # A second Ctrl-C must not interrupt the cleaning up, which is short.
                signal.signal(number, signal.SIG_IGN)
            # The server last: workers give their leases back.
            for children in (self._children[1:], self._children[:1]):
                for child in children:
                    child.ask_to_stop()
                deadline = time.monotonic() + _STOP_SECONDS
                for child in children:
                    child.stop(deadline)
            self._screen.close()
            for number, handler in old.items():
                signal.signal(number, handler)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            status = self._children[0].ended()
            if status is not None:
                raise Refused(500, "server", f"The server ended with status {status} before it could answer.")
            try:
                if httpx.get(f"{self._url}/api/v1/seasons", timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise Refused(500, "server", f"The server did not answer within {_START_SECONDS:.0f} seconds.")

    def _look_after_children(self) -> None:
        for child in self._children:
            status = child.ended()
            if status is not None:
                if child.is_news:
                    self._say(
                        f"The {child.name} ended with status {status}; it is started again, after "
                        "pauses that grow if it goes on like that."
                    )
                if child.name == "evaluator":
                    self._take_back()

    def _take_back(self) -> None:
        try:
            release_crashed_worker(self._config, self._bootstrapped.worker_token)
        except SQLAlchemyError as error:
            # Its lease ends by itself: later, and that is all.
            self._say(f"What the evaluator held is judged again when its lease has run out: {cause(error)}.")
