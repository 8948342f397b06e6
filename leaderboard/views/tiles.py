"""Tiles of the truth and of models, for the explorer; and the workers' interface that draws the latter."""

import hashlib
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from challenge.imaging import deep_tiles
from challenge.imaging.deep_tiles import DeepTile
from challenge.imaging.tiles import DEEPEST, MOST_BYTES, Tile
from challenge.results.verdicts import EXPLANATIONS, Reason
from leaderboard.errors import Refused
from leaderboard.services import submissions
from leaderboard.tiles.model_tiles import MAX_REQUESTED
from leaderboard.tiles.truth_tiles import AnyTile
from leaderboard.web.client_socket import client_waits
from leaderboard.web.extensions import UNCOUNTED, client_address, csrf, limiter
from leaderboard.web.request_args import check_length, json_body
from leaderboard.web.request_context import app_context, read_session, request_token
from leaderboard.web.responses import stored_bundle

tiles = Blueprint("tiles", __name__, url_prefix="/api/v1/tiles")
tile_worker = Blueprint("tile_worker", __name__, url_prefix="/api/v1/worker/tiles/<int:submission_id>")

for _blueprint in (tiles, tile_worker):
    csrf.exempt(_blueprint)
    # Of visitors, the tiles that they have drawn are counted.
    limiter.exempt(_blueprint, flags=UNCOUNTED)

# What a tile shows never changes.
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_MOST: Final = (1 << DEEPEST) - 1
_WHERE: Final = f"<int:octave>/<int(max={_MOST}):x>/<int(max={_MOST}):y>"
_MOST_DEEP: Final = (1 << deep_tiles.DEEPEST) - 1
_WHERE_DEEP: Final = f"<int:octave>/<int(max={_MOST_DEEP}):x>/<int(max={_MOST_DEEP}):y>"


def _tile(octave: Any, x: Any, y: Any) -> Tile:
    try:
        return Tile(octave, x, y)
    except ValueError as error:
        raise _no_tile(error) from error


def _truth_tile(octave: int, x: int, y: int) -> AnyTile:
    """A tile of the truth, which goes deeper than models; below `DEEPEST`, the limit may be raised."""
    if octave <= DEEPEST:
        return _tile(octave, x, y)
    limit = request.args.get("limit", deep_tiles.LIMITS[0], type=int)
    try:
        return DeepTile(octave, x, y, limit)
    except ValueError as error:
        raise _no_tile(error) from error


def _no_tile(error: ValueError) -> Refused:
    return Refused(404, "no_tile", f"There is no such tile: {error}.")


def _answer(content: bytes) -> Response:
    answer = Response(content, mimetype="application/octet-stream")
    answer.headers["Cache-Control"] = _FOR_EVER
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    answer.make_conditional(request)
    return answer


def _cost(tile: AnyTile) -> int:
    """What a tile of the truth counts for its visitor: a raised limit takes longer."""
    return 1 + tile.limit // deep_tiles.LIMITS[1] if isinstance(tile, DeepTile) else 1


@tiles.get(f"/truth/{_WHERE_DEEP}")
def truth(octave: int, x: int, y: int) -> Response:
    """A tile of the truth; drawn now where nobody has asked for it before."""
    tile = _truth_tile(octave, x, y)
    found = app_context().truth_tiles.stored(tile)
    if found is None:
        app_context().tile_limiter.spend(client_address(), _cost(tile))
        found = app_context().truth_tiles.get(tile, client_waits(request.environ))
    return _answer(found)


@tiles.get(f"/submissions/<int:submission_id>/{_WHERE}")
def model(submission_id: int, octave: int, x: int, y: int) -> Response:
    """A tile of a model's answers, where it has been drawn; `wish` asks for it."""
    tile = _tile(octave, x, y)
    with read_session() as db:
        digest = submissions.drawable(db, submission_id).digest
    found = app_context().model_tiles.stored(digest, tile)
    if found is None:
        raise Refused(404, "not_drawn", "This tile has not been drawn yet: ask for it first.")
    return _answer(found)


@tiles.post("/submissions/<int:submission_id>/wishes")
def wish(submission_id: int) -> Response:
    """Ask for tiles of a model, the most urgent first; answers which are there already."""
    wanted = _wanted()
    with read_session() as db:
        found = submissions.drawable(db, submission_id)
    state = app_context().model_tiles.request(
        found, wanted, lambda count: app_context().tile_limiter.spend(client_address(), count)
    )
    return jsonify(
        {
            "ready": [[t.octave, t.x, t.y] for t in state.ready],
            "waiting": state.waiting,
            "worker": state.worker,
            "problem": state.problem,
        }
    )


def _wanted() -> list[Tile]:
    values = json_body()
    found = values.get("tiles") if isinstance(values, dict) else None
    if not isinstance(found, list) or not all(
        isinstance(one, list) and len(one) == 3 and all(type(number) is int for number in one)
        for one in found
    ):
        raise Refused(422, "tiles_invalid", "Tiles are a list of [octave, x, y], each a whole number.")
    if len(found) > MAX_REQUESTED:
        raise Refused(422, "tiles_many", f"At most {MAX_REQUESTED} tiles at a time.")
    # The same one twice is one.
    return list(dict.fromkeys(_tile(*one) for one in found))


def _digest(submission_id: int) -> str:
    """The digest of a model that may be drawn, for a worker; Refused with 401, 403 or 404."""
    with read_session() as db:
        request_token(db, "worker")
        app_context().model_tiles.worker_seen()
        return submissions.drawable(db, submission_id).digest


@tile_worker.post("/claim")
def claim(submission_id: int) -> Response:
    """Which of the tiles of a batch are still wanted, and of which bundle."""
    digest = _digest(submission_id)
    still = app_context().model_tiles.still_requested(digest, _wanted())
    return jsonify({"digest": digest, "tiles": [[t.octave, t.x, t.y] for t in still]})


@tile_worker.get("/bundle")
def bundle(submission_id: int) -> Response:
    """The bundle's bytes."""
    return stored_bundle(_digest(submission_id))


@tile_worker.put(f"/{_WHERE}")
def draw(submission_id: int, octave: int, x: int, y: int) -> Response:
    """A tile that was drawn."""
    check_length(MOST_BYTES, "tile_large", "A tile")
    digest = _digest(submission_id)
    app_context().model_tiles.keep(digest, _tile(octave, x, y), request.get_data(cache=False))
    return jsonify({"octave": octave, "x": x, "y": y})


@tile_worker.post("/failure")
def failure(submission_id: int) -> Response:
    """The model could not be drawn."""
    digest = _digest(submission_id)
    values = json_body()
    try:
        reason = Reason(values["reason"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(422, "reason_invalid", "A failure has a known reason.") from error
    app_context().model_tiles.fail(digest, EXPLANATIONS[reason].sentence)
    return jsonify({"reason": reason.value})
