"""The process that answers HTTP: gunicorn with threads, and the lease reaper beside it.

Started by `mbc serve` as a child, with the listening socket already open and the settings in the environment.
One process with threads, for SQLite's sake; an event stream is a thread, and their number is bounded.
"""

import errno
import logging
import os
import selectors
import socket
import threading
import time
from functools import partial
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import TConn, ThreadWorker

from challenge.util import log_lines
from leaderboard.app import create_app
from leaderboard.config import Config
from leaderboard.serve.key_agreement import KeyWatch
from leaderboard.serve.lease_reaper import LeaseReaper
from leaderboard.serve.metrics import serve_metrics
from leaderboard.serve.paced_socket import PacedSocket
from leaderboard.services.changes import Listener
from leaderboard.web.request_context import AppContext

SETTINGS: Final = "MBC_SERVING"
SOCKET: Final = "MBC_SERVING_SOCKET"
_THREADS: Final = 24
# Threads that may wait for clients which are slow to send a body.
_SLOW_CLIENTS: Final = 8
# A request's header is whole within this time, and below this size.
_HEADER_SECONDS: Final = 10.0
_HEADER_BYTES: Final = 64 * 1024


class StreamingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads for requests that are there, not for clients that are slow to send them.

    Gunicorn gives a connection a thread with its first byte. Here the poller holds it until the request's
    header is whole, and gives it up after a few seconds; a body is read by `PacedSocket`. So a server without
    a proxy before it goes on answering while clients drip their requests.
    """

    def init_process(self) -> None:
        """Before the first connection."""
        self._slow_places = threading.Semaphore(_SLOW_CLIENTS)
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Take a connection, and wait for its first request without a thread."""
        try:
            raw, address = listener.accept()
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK}:
                return
            raise
        self.nr_conns += 1
        sock = PacedSocket(raw, self._slow_places)
        self._await_header(TConn(self.cfg, sock, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """The next request of a connection that was kept: its header has to be whole as well."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        conn.sock.restart()
        self._await_header(conn)

    def _await_header(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + _HEADER_SECONDS
        self.pending_conns.append(conn)
        wait = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, wait)

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Give it a thread if the header is whole; wake up for the next byte otherwise."""
        try:
            begun = conn.sock.recv(_HEADER_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            begun = b""
        whole = not begun or b"\r\n\r\n" in begun or len(begun) >= _HEADER_BYTES
        # The poller would come back at once for bytes that it has reported already.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if whole else len(begun) + 1)
        if whole:
            super().on_pending_socket_readable(conn, client)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: end the event streams instead of waiting for those who listen."""
        _parts(self.wsgi).event_streams.close()
        super().handle_exit(sig, frame)


def _parts(app: Flask) -> AppContext:
    parts = app.extensions["leaderboard"]
    assert isinstance(parts, AppContext)
    return parts


def _start_threads(worker: ThreadWorker) -> None:
    here = _parts(worker.wsgi)
    LeaseReaper(here.writers, here.queue, here.config).start()
    if here.config.metrics:
        serve_metrics(here.config.metrics, here.readers)
    engine = here.writers.kw["bind"]
    if engine.dialect.name == "postgresql":
        Listener(engine, here.changes).start()
        KeyWatch(engine, here.config).start()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn, set up from Python."""

    def __init__(self, config: Config, descriptor: int) -> None:
        self._config = config
        self._descriptor = descriptor
        super().__init__()

    def load_config(self) -> None:
        """One worker process: see the module."""
        settings = {
            "bind": [f"fd://{self._descriptor}"],
            "worker_class": StreamingWorker,
            "workers": 1,
            "threads": _THREADS,
            "timeout": 120,
            "graceful_timeout": 2,
            "keepalive": 5,
            "loglevel": "warning",
            "post_worker_init": _start_threads,
        }
        if "control_socket_disable" in self.cfg.settings:
            settings["control_socket_disable"] = True
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made in the process that answers."""
        return create_app(self._config)


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(handlers=[log_lines.handler("server")], level=logging.WARNING)
    logging.getLogger("leaderboard").setLevel(logging.INFO)
    # This process starts no sandbox: whatever it makes is its own user's.
    os.umask(0o077)
    Server(Config.from_json(os.environ[SETTINGS]), int(os.environ[SOCKET])).run()


if __name__ == "__main__":
    main()
