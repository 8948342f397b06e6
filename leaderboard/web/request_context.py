"""What every view needs: the application's context, a transaction, the token of the request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app, request
from sqlalchemy.orm import Session, sessionmaker

from leaderboard import db
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.images.truth_images import TruthImages
from leaderboard.models import Token
from leaderboard.queue import Queue
from leaderboard.services import seasons, tokens
from leaderboard.services.changes import Changes
from leaderboard.services.html_cache import HtmlCache
from leaderboard.services.queue_view import QueueView
from leaderboard.services.rate_limit import RateLimiter
from leaderboard.services.standing_cache import StandingCache
from leaderboard.tiles.model_tiles import ModelTiles
from leaderboard.tiles.truth_tiles import TruthTiles
from leaderboard.web.sse import EventStreams


@dataclass(frozen=True)
class AppContext:
    """What one application holds for all its requests; made by `create_app`."""

    config: Config
    writers: sessionmaker[Session]
    readers: sessionmaker[Session]
    queue: Queue
    truth: TruthImages
    changes: Changes
    event_streams: EventStreams
    queue_view: QueueView
    standings: StandingCache
    html_cache: HtmlCache
    truth_tiles: TruthTiles
    model_tiles: ModelTiles
    tile_limiter: RateLimiter


def app_context() -> AppContext:
    """The context of the application that answers this request."""
    return cast("AppContext", current_app.extensions["leaderboard"])


@contextmanager
def write_transaction() -> Iterator[Session]:
    """A transaction that changes something."""
    with db.transaction(app_context().writers) as session:
        yield session


@contextmanager
def read_session() -> Iterator[Session]:
    """A session that only reads; its changes are dropped."""
    with app_context().readers() as session:
        yield session


def request_token(session: Session, kind: str = "user") -> Token:
    """The token of this request; Refused with 401 or 403."""
    return tokens.authenticate(session, request.headers.get("Authorization"), kind)


def board_season(session: Session) -> Any:
    """The season that the query asks for, or else the open one."""
    name = request.args.get("season")
    if name:
        return seasons.find_season(session, name)
    season = seasons.current_season(session)
    if season is not None:
        return season
    ranked = [row for row in seasons.list_seasons(session) if row.ranked and row.state != "scheduled"]
    if not ranked:
        raise Refused(404, "no_season", "There has been no season yet.")
    return ranked[0]
