"""What leaderboard and evaluator share about the queue: names of queues and tasks, and Celery's options.

Both sides derive every option from the broker's URL, so they always agree without importing each other.

The embedded broker is kombu's SQLAlchemy transport on an SQLite file (`embedded_broker`). The filesystem
transport is no alternative: a reader can take a message between the writer's `open` and `write`, and messages
are ordered by a clock that restarts at every boot. Neither transport redelivers the message of a killed
worker; the leaderboard's leases do.
"""

from pathlib import Path
from typing import Any, Final

TASK: Final = "mbc.wake"
QUEUE: Final = "evaluations"
# Wake-ups by class of machine. A message to the wrong class would be lost on a worker that finds nothing.
QUEUES: Final = {"cpu": QUEUE, "gpu": "evaluations.gpu"}
# Tiles for the explorer have workers of their own, so that tiles and evaluations do not wait for each other.
TILE_TASK: Final = "mbc.tiles"
TILE_QUEUE: Final = "tiles"

# Lock waits normally take milliseconds; this allows for a disk that stalls.
_SQLITE_WAIT_SECONDS: Final = 30
# Redis redelivers an unacknowledged message after this time; a second claim of a lease is refused anyway.
_REDELIVER_SECONDS: Final = 6 * 3600
_REDIS: Final = ("redis", "sentinel")


def embedded_broker(data: Path) -> str:
    """URL of the embedded broker in a data directory, which must exist before the broker is used."""
    return f"sqla+sqlite:///{data.resolve() / 'queue.sqlite'}"


def celery_options(broker_url: str) -> dict[str, Any]:
    """Celery's configuration for a broker, for `app.conf.update(celery_options(url))`.

    Raises:
        ValueError: the URL names no transport.
    """
    scheme = broker_url.partition("://")[0]
    if not scheme or scheme == broker_url:
        raise ValueError(f"a broker's URL looks like redis://host:6379/0, not {broker_url!r}")
    transport: dict[str, Any] = {}
    if scheme.startswith("sqla+sqlite"):
        transport = {"connect_args": {"timeout": _SQLITE_WAIT_SECONDS}}
    elif scheme.startswith(_REDIS):
        transport = {"visibility_timeout": _REDELIVER_SECONDS, "socket_connect_timeout": 5}
    return {
        "broker_url": broker_url,
        "broker_transport_options": transport,
        "broker_connection_retry_on_startup": True,
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        # A worker fetches one evaluation at a time, so that others can take the rest. With Redis this needs
        # no limit on unacknowledged messages, and a limit of 1 would block the worker for ever if an
        # acknowledgement fails while Redis is down.
        "worker_prefetch_multiplier": 0 if scheme.startswith(_REDIS) else 1,
        # Leases recover what a worker drops.
        "task_acks_late": False,
        # Needs fan-out, which the embedded transport lacks.
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        # What cannot be sent at once is sent by the lease reaper later, so nobody waits for a broker.
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.2},
    }
