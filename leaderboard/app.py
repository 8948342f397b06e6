"""The application: `create_app(config)`."""

import secrets
import tempfile
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, Response, jsonify, render_template, request
from flask.json.provider import DefaultJSONProvider
from sqlalchemy.exc import DatabaseError
from werkzeug.exceptions import HTTPException

from challenge.bundle import ARCHIVE_LIMIT
from leaderboard import db
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.queue import Queue
from leaderboard.services.files import storage_failed, write_whole
from leaderboard.streams import Streams
from leaderboard.truth import TruthPictures
from leaderboard.views.api import api
from leaderboard.views.common import Parts
from leaderboard.views.pages import pages
from leaderboard.views.worker_api import worker_api

_FORM_SLACK = 1024 * 1024
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class StrictJson(DefaultJSONProvider):
    """JSON as the standard has it: NaN is a mistake, and is found here and not by a reader."""

    def dumps(self, obj: Any, **options: Any) -> str:
        """JSON text; ValueError for NaN and infinity."""
        return super().dumps(obj, **{"allow_nan": False} | options)


def create_app(config: Config) -> Flask:
    """A leaderboard: directories made, migrations run, blueprints joined.

    Raises:
        Refused: the data directory cannot be written.
    """
    uploads = make_directories(config)
    engine = db.make_engine(config.database)
    db.upgrade(engine)
    app = Flask(__name__)
    app.config.update(
        MAX_CONTENT_LENGTH=ARCHIVE_LIMIT + _FORM_SLACK,
        SECRET_KEY=_secret_key(config.data / "secret.key"),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
    )
    app.json = StrictJson(app)
    app.request_class = _request_class(uploads)
    app.extensions["leaderboard"] = Parts(
        config=config,
        writers=db.make_sessions(engine),
        readers=db.make_readers(engine),
        queue=Queue(config.broker),
        truth=TruthPictures(config),
        streams=Streams(config),
    )
    app.register_blueprint(worker_api)
    app.register_blueprint(api)
    app.register_blueprint(pages)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DatabaseError, _database_error)
    app.register_error_handler(OSError, _disk_error)
    app.register_error_handler(Exception, _mistake)
    app.after_request(_headers)
    return app


def make_directories(config: Config) -> Path:
    """Make the data directory and see that it can be written; returns the one for uploads."""
    uploads = config.data / "uploads"
    try:
        uploads.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=uploads) as probe:
            probe.write(b"x")
    except OSError as error:
        raise Refused(
            507, "data_unwritable", f"The data directory {config.data} cannot be written: {error.strerror}."
        ) from error
    return uploads


def _secret_key(path: Path) -> bytes:
    if not path.exists():
        write_whole(path, secrets.token_bytes(32))
        path.chmod(0o600)
    return path.read_bytes()


def _request_class(uploads: Path) -> type[Request]:
    class LeaderboardRequest(Request):
        """Keeps what is uploaded on the data directory's disk, not in memory or on another disk."""

        def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
            return tempfile.NamedTemporaryFile("rb+", dir=uploads)

    return LeaderboardRequest


def _answer(status: int, code: str, message: str, help_: str = "") -> tuple[Response | str, int]:
    if request.path.startswith("/api/"):
        error = {"code": code, "message": message} | ({"help": help_} if help_ else {})
        return jsonify({"error": error}), status
    return render_template("error.html", status=status, code=code, message=message, help=help_), status


def _refused(error: Refused) -> Any:
    answer = _answer(error.status, error.code, error.message, error.help)
    return (*answer, {"WWW-Authenticate": "Bearer"}) if error.status == 401 else answer


_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that kind of request.",
    413: f"The upload is larger than a bundle may be ({ARCHIVE_LIMIT:,} bytes).",
}


def _http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400:
        return error
    message = _SENTENCES.get(status, error.description or error.name)
    return _answer(status, error.name.lower().replace(" ", "_"), message)


def _database_error(error: DatabaseError) -> Any:
    if "disk is full" in str(error) or "readonly" in str(error) or "disk I/O" in str(error):
        return _answer(
            507,
            "disk_full",
            "The server cannot store anything: its disk is full or read-only. Nothing was changed.",
        )
    return _mistake(error)


def _disk_error(error: OSError) -> Any:
    return _refused(storage_failed(error))


def _mistake(error: Exception) -> Any:
    from flask import current_app  # noqa: PLC0415

    current_app.logger.error("%s %s", request.method, request.path, exc_info=error)
    return _answer(500, "internal", "The server made a mistake; it has been logged.")


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    return response
