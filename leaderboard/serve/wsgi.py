"""The process that answers HTTP: gunicorn with threads, and the lease reaper beside it.

Started by `mbc serve` as a child, with the listening socket already open and the settings in the environment.
One process with threads, for SQLite's sake; an event stream is a thread, and their number is bounded.
"""

import logging
import os
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from leaderboard.app import create_app
from leaderboard.config import Config
from leaderboard.serve.lease_reaper import LeaseReaper
from leaderboard.web.request_context import AppContext

SETTINGS: Final = "MBC_SERVING"
SOCKET: Final = "MBC_SERVING_SOCKET"
_THREADS: Final = 24


class StreamingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Ends the event streams when it is told to stop, instead of waiting for their listeners."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM."""
        _parts(self.wsgi).event_streams.close()
        super().handle_exit(sig, frame)


def _parts(app: Flask) -> AppContext:
    parts = app.extensions["leaderboard"]
    assert isinstance(parts, AppContext)
    return parts


def _start_lease_reaper(worker: ThreadWorker) -> None:
    here = _parts(worker.wsgi)
    LeaseReaper(here.writers, here.queue, here.config).start()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn, set up from Python."""

    def __init__(self, config: Config, socket: int) -> None:
        self._config = config
        self._socket = socket
        super().__init__()

    def load_config(self) -> None:
        """One worker process: see the module."""
        settings = {
            "bind": [f"fd://{self._socket}"],
            "worker_class": StreamingWorker,
            "workers": 1,
            "threads": _THREADS,
            "timeout": 120,
            "graceful_timeout": 2,
            "keepalive": 5,
            "loglevel": "warning",
            "post_worker_init": _start_lease_reaper,
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
    logging.basicConfig(format="%(asctime)s server: %(message)s", datefmt="%H:%M:%S", level=logging.WARNING)
    logging.getLogger("leaderboard").setLevel(logging.INFO)
    Server(Config.from_json(os.environ[SETTINGS]), int(os.environ[SOCKET])).run()


if __name__ == "__main__":
    main()
