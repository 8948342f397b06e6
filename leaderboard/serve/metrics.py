"""The address at which a server tells its metrics: one of its own, which visitors do not reach."""

import logging

from prometheus_client import REGISTRY, start_http_server
from sqlalchemy.orm import Session, sessionmaker

from leaderboard.services.metrics import DatabaseCollector

log = logging.getLogger(__name__)


def serve_metrics(place: str, readers: sessionmaker[Session]) -> None:
    """Answer GET /metrics at an address like "127.0.0.1:9464", from a thread of its own.

    An address that cannot be had is one line in the log: the board goes on without it.
    """
    host, _, port = place.rpartition(":")
    REGISTRY.register(DatabaseCollector(readers))
    try:
        start_http_server(int(port), host.strip("[]"))
    except OSError as error:
        log.error("the metrics cannot be served at %s: %s", place, error.strerror or error)  # noqa: TRY400 - says all
