"""Celery: messages of the queue wake a worker, one after the other, until the process is stopped."""

import contextlib
import ctypes
import warnings
from typing import Any, Final

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.worker import state

from challenge.util.queue import QUEUES, TASK, celery_options
from evaluator.worker import Worker

# Of mallopt(3).
_M_ARENA_MAX: Final = -8


def share_arenas() -> None:
    """Have all threads of this process share two arenas of its allocator: each keeps what was freed in it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def celery_app(broker: str, worker: Worker) -> Any:
    """The Celery application whose one task wakes the worker."""
    app: Any = Celery("evaluator", set_as_current=False)
    app.conf.update(celery_options(broker))

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery ships no types
    def wake() -> None:
        worker.work(_stopping)

    return app


def _stopping() -> bool:
    """Whether SIGTERM or Ctrl-C asked this process to end after the task that it is in."""
    return any(flag not in {None, False} for flag in (state.should_stop, state.should_terminate))


def serve(broker: str, worker: Worker) -> None:
    """Work on evaluations, one after the other, until the process is stopped."""
    worker.client.introduce(worker.machine)
    consume(celery_app(broker, worker), QUEUES[worker.machine_class])


def consume(app: Any, queue: str) -> None:
    """Work on a queue's tasks, one after the other, until the process is stopped.

    The pool is "solo": a sandbox dies with the thread that started it, and that has to be the main one.
    """
    share_arenas()
    # Root is fine: the sandbox changes to another user before submitted code runs, and messages are JSON.
    warnings.filterwarnings("ignore", "You're running the worker with superuser privileges", SecurityWarning)
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=solo",
            "--concurrency=1",
            f"--queues={queue}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
