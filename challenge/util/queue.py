"""The wire between leaderboard and evaluator: names of queue and task, and Celery's options for a broker.

Both sides derive every option from the broker's URL alone, so they cannot disagree, and neither imports the
other.

The embedded broker is kombu's SQLAlchemy transport on an SQLite file (`embedded_broker`). Its sister, the
filesystem transport, lets a reader take a message between the writer's `open` and `write`, and orders
messages by a clock that starts anew at every boot; here both are a transaction's business. Neither brings a
message back whose worker was killed: the leaderboard's leases do.
"""

from pathlib import Path
from typing import Any, Final

TASK: Final = "mbc.evaluate"
QUEUE: Final = "evaluations"
# Pictures for people who look around: of other workers, so that neither waits for the other.
TILE_TASK: Final = "mbc.tiles"
TILE_QUEUE: Final = "tiles"

# A reader and a writer meet for milliseconds; so long a wait is for a disk that stalls.
_SQLITE_WAIT_SECONDS: Final = 30
# Redis hands a message out again when it was not acknowledged for so long. A second claim is refused anyway.
_REDELIVER_SECONDS: Final = 6 * 3600
_REDIS: Final = ("redis", "sentinel")


def embedded_broker(data: Path) -> str:
    """The URL of the broker inside a data directory; the directory must be there before it is used."""
    return f"sqla+sqlite:///{data.resolve() / 'queue.sqlite'}"


def celery_options(broker_url: str) -> dict[str, Any]:
    """Celery's configuration for a broker: `app.conf.update(celery_options(url))`.

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
        # A worker takes one evaluation at a time and leaves the rest to others: it asks for the next when
        # one is done. Redis needs no count of what is not acknowledged for that, and with one, a message
        # whose acknowledgement fails while Redis is away would hold the one place for ever.
        "worker_prefetch_multiplier": 0 if scheme.startswith(_REDIS) else 1,
        # Leases bring back what a worker drops.
        "task_acks_late": False,
        # Needs fan-out, which the embedded transport lacks; nothing here uses it.
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        # What cannot be sent at once is sent by the lease reaper later, so nobody waits for a broker.
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.2},
    }
