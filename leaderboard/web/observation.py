"""What is noted of each request: an id in its log lines and its answer, its seconds by route, a line."""

import logging
import time
from typing import Final

from flask import Flask, Response, g, request

from challenge.util import log_lines
from leaderboard import counters

log = logging.getLogger(__name__)

_UNKNOWN: Final = "(none)"
# Standard methods; whatever else somebody sends is one label.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def install(app: Flask) -> None:
    """Note every request of an application."""

    def begin() -> None:
        log_lines.set_id(log_lines.checked_id(request.headers.get(log_lines.HEADER)))
        g.arrived = time.perf_counter()

    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("arrived", time.perf_counter())
        route = request.url_rule.rule if request.url_rule else _UNKNOWN
        method = request.method if request.method in _METHODS else "other"
        counters.REQUESTS.labels(route, method, str(response.status_code)).observe(seconds)
        response.headers[log_lines.HEADER] = log_lines.current_id()
        if log_lines.as_json():
            extra = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "ms": round(1e3 * seconds, 1),
            }
            log.info("%s %s", request.method, request.path, extra=extra)
        return response

    def forget(_error: BaseException | None) -> None:
        log_lines.set_id("")

    app.before_request(begin)
    app.teardown_request(forget)
    app.after_request(end)
