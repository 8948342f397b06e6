"""Everything that goes wrong, in one shape: problem details (RFC 9457) for programs, a page for people."""

import time
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, render_template, request
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DatabaseError, OperationalError
from werkzeug.exceptions import HTTPException

from challenge.bundle.limits import ARCHIVE_LIMIT
from leaderboard.db import cause
from leaderboard.errors import Refused
from leaderboard.files import storage_failed
from leaderboard.web.extensions import limiter

PROBLEM = "application/problem+json"
# SQLite's word for a writer that takes too long; PostgreSQL's for one that stops, starts or is not there.
_AWAY = ("database is locked", "connection", "the database system is")

_SENTENCES = {
    400: "The server cannot make sense of this request.",
    404: "There is nothing at this address.",
    405: "This address does not take that kind of request.",
    413: f"The upload is larger than a bundle may be ({ARCHIVE_LIMIT:,} bytes).",
}


def register(app: Flask) -> None:
    """Let the application answer whatever goes wrong."""
    for kind, handler in (
        (Refused, _refused),
        (RateLimitExceeded, _too_often),
        (CSRFError, _forged),
        (HTTPException, _http_error),
        (DatabaseError, _database_error),
        (TimeoutError, _too_slow),
        (OSError, _disk_error),
        (Exception, _mistake),
    ):
        app.register_error_handler(kind, handler)


def problem(error: Refused) -> dict[str, Any]:
    """The fields of RFC 9457, and `code`, a word that programs can rely on, and `help` for people."""
    values: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(error.status),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    return values | ({"help": error.help} if error.help else {})


def _title(status: int) -> str:
    # nginx's, for answers that nobody waits for; HTTP has none.
    return "Client Closed Request" if status == 499 else HTTPStatus(status).phrase


def _asked_by_a_program() -> bool:
    """Whether problem details are the answer: to the API, and to scripts of pages that accept JSON alone."""
    return request.path.startswith("/api/") or request.headers.get("Accept") == "application/json"


def _refused(error: Refused) -> Response:
    if _asked_by_a_program():
        answer = Response(current_app.json.dumps(problem(error)), error.status, mimetype=PROBLEM)
        if error.status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
    else:
        page = render_template(
            "error.html", status=error.status, code=error.code, message=error.message, help=error.help
        )
        answer = Response(page, error.status)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _too_often(error: RateLimitExceeded) -> Response:
    # The window that was full may be any of several; the longest of them is the honest answer.
    seconds = max(1, error.limit.limit.get_expiry())
    if limiter.current_limit is not None:
        seconds = max(1, limiter.current_limit.reset_at - int(time.time()))
    return _refused(
        Refused(
            429,
            "rate_limited",
            f"Too many requests: at most {error.limit.limit} from one address. Try again in {seconds} s.",
            retry_after=seconds,
        )
    )


def _forged(_error: CSRFError) -> Response:
    return _refused(
        Refused(400, "csrf", "The form was open for too long, or cookies are off. Please send it again.")
    )


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect, as it is
    message = _SENTENCES.get(status, error.description or error.name)
    answer = _refused(Refused(status, error.name.lower().replace(" ", "_"), message))
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _database_error(error: DatabaseError) -> Response:
    if "disk is full" in str(error) or "readonly" in str(error) or "disk I/O" in str(error):
        return _refused(
            Refused(
                507,
                "disk_full",
                "The server cannot store anything: its disk is full or read-only. Nothing was changed.",
            )
        )
    if isinstance(error, OperationalError) and any(word in str(error.orig) for word in _AWAY):
        current_app.logger.warning("%s %s: %s", request.method, request.path, cause(error))
        return _refused(
            Refused(
                503,
                "database_busy",
                "The server's database does not answer at the moment. Nothing was changed.",
                "Try again in a moment.",
                retry_after=5,
            )
        )
    return _mistake(error)


def _too_slow(_error: TimeoutError) -> Response:
    return _refused(Refused(408, "too_slow", "The request came too slowly, and was given up."))


def _disk_error(error: OSError) -> Response:
    return _refused(storage_failed(error))


def _mistake(error: Exception) -> Response:
    current_app.logger.error("%s %s", request.method, request.path, exc_info=error)
    return _refused(Refused(500, "internal", "The server made a mistake; it has been logged."))
