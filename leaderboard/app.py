"""The application: `create_app(config)`."""

import secrets
import tempfile
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request
from flask.json.provider import DefaultJSONProvider
from sqlalchemy import Engine
from werkzeug.routing import IntegerConverter, Map

from challenge.bundle.limits import ARCHIVE_LIMIT
from leaderboard import db, files
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.files import write_file
from leaderboard.images.truth_images import TruthImages
from leaderboard.queue import Queue
from leaderboard.services.changes import Changes, announce
from leaderboard.services.html_cache import HtmlCache
from leaderboard.services.queue_view import QueueView
from leaderboard.services.rate_limit import RateLimiter
from leaderboard.services.standing_cache import StandingCache
from leaderboard.tiles.model_tiles import ModelTiles
from leaderboard.tiles.truth_tiles import TruthTiles
from leaderboard.views import oauth
from leaderboard.views.admin import admin_pages
from leaderboard.views.api import api
from leaderboard.views.api_lists import api_lists
from leaderboard.views.board import board_pages
from leaderboard.views.comparison import comparison
from leaderboard.views.entry import entry
from leaderboard.views.explorer import explorer
from leaderboard.views.learn import learn
from leaderboard.views.media import media
from leaderboard.views.pages import pages
from leaderboard.views.people import people_pages
from leaderboard.views.play import play
from leaderboard.views.tiles import tile_worker, tiles
from leaderboard.views.worker_api import worker_api
from leaderboard.web import error_handlers, middleware, security_headers, static_files
from leaderboard.web.request_context import AppContext
from leaderboard.web.sse import EventStreams

_FORM_SLACK = 1024 * 1024
_BLUEPRINTS = (
    board_pages, entry, comparison, media, pages, people_pages, explorer, play, learn,
    api, api_lists, tiles, worker_api, tile_worker, admin_pages,
)  # fmt: skip


class StrictJson(DefaultJSONProvider):
    """JSON as the standard has it: NaN is a mistake, and is found here and not by a reader."""

    # Weight classes come by size, and fields in the order in which they were thought of.
    sort_keys = False

    def dumps(self, obj: Any, **options: Any) -> str:
        """JSON text; ValueError for NaN and infinity."""
        return super().dumps(obj, **{"allow_nan": False} | options)


def create_app(config: Config) -> Flask:
    """A leaderboard: directories made, migrations run, blueprints joined.

    Raises:
        Refused: the data directory cannot be written.
    """
    make_directories(config)
    engine = db.make_engine(config.database)
    db.upgrade(engine)
    app = build_app(config)
    open_data(app, config, engine)
    return app


def build_app(config: Config) -> Flask:
    """The application without its data: `open_data` comes before the first request."""
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=ARCHIVE_LIMIT + _FORM_SLACK)
    app.json = StrictJson(app)
    app.url_map.converters["int"] = _Number
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    oauth.offer(app, config)
    error_handlers.register(app)
    middleware.install(app, config)
    security_headers.register(app, config)
    static_files.install(app)
    return app


def open_data(app: Flask, config: Config, engine: Engine) -> None:
    """Let the application serve a data directory and its migrated database."""
    app.config.update(SECRET_KEY=config.session_key or _secret_key(config.data / "secret.key"))
    app.request_class = _request_class(_uploads(config))
    writers, changes = db.make_sessions(engine), Changes()
    announce(writers, changes)
    app.extensions["leaderboard"] = AppContext(
        config=config,
        writers=writers,
        readers=db.make_readers(engine),
        queue=(queue := Queue(config.broker)),
        truth=TruthImages(config),
        changes=changes,
        event_streams=EventStreams(config, changes),
        queue_view=QueueView(changes),
        standings=StandingCache(),
        html_cache=HtmlCache(),
        truth_tiles=TruthTiles(config),
        model_tiles=ModelTiles(config, queue),
        tile_limiter=RateLimiter(config.tile_rate, config.rate_storage, "tiles"),
    )


def _uploads(config: Config) -> Path:
    return config.data / "uploads"


def make_directories(config: Config) -> None:
    """Make the data directory and the one for uploads in it, and see that they can be written.

    Raises:
        Refused: they cannot.
    """
    uploads = _uploads(config)
    try:
        with files.private():
            uploads.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=uploads) as probe:
            probe.write(b"x")
        files.mend_permissions(config.data)
    except OSError as error:
        raise Refused(
            507, "data_unwritable", f"The data directory {config.data} cannot be written: {error.strerror}."
        ) from error


class _Number(IntegerConverter):
    """A number that a database has a place for; any other is an address of nothing."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:  # noqa: A002 - werkzeug's name
        super().__init__(map, *args, **{"max": 2**31 - 1} | options)


def _secret_key(path: Path) -> bytes:
    if not path.exists():
        write_file(path, secrets.token_bytes(32))
        path.chmod(0o600)
    return path.read_bytes()


def _request_class(uploads: Path) -> type[Request]:
    class LeaderboardRequest(Request):
        """Keeps what is uploaded on the data directory's disk, not in memory or on another disk."""

        def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
            return tempfile.NamedTemporaryFile("rb+", dir=uploads)

    return LeaderboardRequest
