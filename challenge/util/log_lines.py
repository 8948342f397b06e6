"""Log lines of servers and workers: for people, or as JSON by MBC_LOG_JSON=yes; both carry an id.

The id is a request's, or that of the upload that an evaluation began with. It is in the lines of the server
that took the upload, of the worker that judges it, and of each server that the worker tells of it.
"""

import json
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

SWITCH: Final = "MBC_LOG_JSON"
HEADER: Final = "X-Request-ID"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)
_current: ContextVar[str] = ContextVar("log id", default="")
# Fields that a line may have besides its own: `log.info(..., extra={"evaluation": 7})`.
_EXTRA: Final = ("evaluation", "submission", "method", "path", "status", "ms")


def new_id() -> str:
    """An id that nothing else has."""
    return secrets.token_hex(8)


def checked_id(text: str | None) -> str:
    """The id that somebody else sent, or a new one where that is none."""
    return text if text and _ID.fullmatch(text) else new_id()


def current_id() -> str:
    """The id of what this thread does at the moment; ''."""
    return _current.get()


def set_id(value: str) -> None:
    """From now on, lines of this thread carry this id; '' for none."""
    _current.set(value)


@contextmanager
def identified(value: str) -> Iterator[None]:
    """Let lines inside the block carry an id."""
    token = _current.set(value)
    try:
        yield
    finally:
        _current.reset(token)


class TextFormatter(logging.Formatter):
    """Date, level, logger, message, and the id in brackets."""

    def __init__(self, who: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)s {who}: %(message)s%(trace)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the lines of an exception."""
        record.trace = f" [{current_id()}]" if current_id() else ""
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, who, logger, message, id, and what else is known."""

    def __init__(self, who: str) -> None:
        super().__init__()
        self._who = who

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        values: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "who": self._who,
            "logger": record.name,
            "message": record.getMessage(),
            "id": current_id(),
        }
        values |= {name: getattr(record, name) for name in _EXTRA if hasattr(record, name)}
        if record.exc_info:
            values["exception"] = self.formatException(record.exc_info)
        return json.dumps(values, ensure_ascii=False, default=str)


def as_json() -> bool:
    """Whether lines are JSON."""
    return os.environ.get(SWITCH, "").lower() in {"1", "yes", "true", "on"}


def handler(who: str) -> logging.Handler:
    """Where the lines of a process go: its standard error."""
    made = logging.StreamHandler()
    made.setFormatter(JsonFormatter(who) if as_json() else TextFormatter(who))
    return made
