"""The part of the interface that the explorer and its workers use."""

from typing import Final

from challenge.imaging import deep_tiles
from challenge.imaging.tiles import DEEPEST
from leaderboard.openapi.operations import (
    BINARY,
    JSON,
    SUBMISSION,
    V1,
    body,
    file_answer,
    operation,
    parameter,
    refusals,
    worker_operation,
)
from leaderboard.openapi.schemas import Schema, items, thing, truth, whole, words
from leaderboard.tiles.model_tiles import MAX_REQUESTED

_TILES: Final = f"{V1}/tiles"
_WORKER: Final = f"{V1}/worker/tiles/{{submission_id}}"
_WHERE: Final = [
    parameter("octave", "path", whole("Of the tile.", maximum=DEEPEST)),
    parameter("x", "path", whole("Column from the left, below 2^octave.", maximum=(1 << DEEPEST) - 1)),
    parameter("y", "path", whole("Row from the top, below 2^octave.", maximum=(1 << DEEPEST) - 1)),
]
# Columns of the deepest octaves have ninety digits: as texts, so that no program takes them for doubles.
_WHERE_DEEP: Final = [
    parameter("octave", "path", whole("Of the tile.", maximum=deep_tiles.DEEPEST)),
    parameter("x", "path", words("Column from the left, below 2^octave.", pattern=r"^\d{1,91}$")),
    parameter("y", "path", words("Row from the top, below 2^octave.", pattern=r"^\d{1,91}$")),
    parameter(
        "limit",
        "query",
        whole(
            f"Beyond octave {DEEPEST}: steps after which a point counts as inside.",
            enum=list(deep_tiles.LIMITS),
            default=deep_tiles.LIMITS[0],
        ),
    ),
]
_TILE: Final = {
    "200": {
        "description": "A header and 256 x 256 values of 16 bits, packed as in challenge/imaging/tiles.py.",
        "content": {"application/octet-stream": {"schema": BINARY}},
    },
    "304": {"description": "Not modified."},
}
_SOME: Final = items(
    items(whole("A number.", maximum=(1 << DEEPEST) - 1), "Octave, x and y.", minItems=3, maxItems=3),
    "Tiles.",
    maxItems=MAX_REQUESTED,
)
_BATCH: Final = body(thing("A batch.", {"tiles": _SOME}))


def _answer(text: str, properties: dict[str, Schema]) -> Schema:
    return {"description": text, "content": {JSON: {"schema": thing(text, properties)}}}


TILE_PATHS: Final[dict[str, Schema]] = {
    f"{_TILES}/truth/{{octave}}/{{x}}/{{y}}": {
        "get": operation(
            "Tiles",
            "truth_tile",
            f"A tile of the truth, down to octave {deep_tiles.DEEPEST}; drawn on the first request.",
            _WHERE_DEEP,
            _TILE | refusals(404, 429, 503, 507),
        )
    },
    f"{_TILES}/submissions/{{submission_id}}/{{octave}}/{{x}}/{{y}}": {
        "get": operation(
            "Tiles",
            "model_tile",
            "A tile of a model, once a worker has drawn it.",
            [SUBMISSION, *_WHERE],
            _TILE | refusals(404),
        )
    },
    f"{_TILES}/submissions/{{submission_id}}/wishes": {
        "post": operation(
            "Tiles",
            "wish",
            "Ask for tiles of a model; repeat until they are ready.",
            [SUBMISSION],
            {
                "200": _answer(
                    "Their progress.",
                    {
                        "ready": _SOME,
                        "waiting": whole("Number of tiles still to be drawn."),
                        "worker": truth("Whether a worker has been active lately."),
                        "problem": words("Why none will be drawn, or ''."),
                    },
                ),
                **refusals(404, 422, 429),
            },
            requestBody=_BATCH,
        )
    },
    f"{_WORKER}/claim": {
        "post": worker_operation(
            "claim_tiles",
            "The tiles of a batch that are still needed, and their bundle.",
            _answer("The remaining tiles.", {"digest": words("SHA-256 of the bundle."), "tiles": _SOME}),
            takes=_BATCH,
            parameters=[SUBMISSION],
            refused=(404, 422),
        )
    },
    f"{_WORKER}/bundle": {
        "get": worker_operation(
            "bundle_to_draw",
            "The bundle whose model is drawn.",
            file_answer("The zip file.", "application/zip"),
            parameters=[SUBMISSION],
            refused=(404,),
        )
    },
    f"{_WORKER}/{{octave}}/{{x}}/{{y}}": {
        "put": worker_operation(
            "draw",
            "Upload a tile that was drawn.",
            _answer("Stored.", {name: whole("Of the tile.") for name in ("octave", "x", "y")}),
            takes=body(BINARY, "application/octet-stream"),
            parameters=[SUBMISSION, *_WHERE],
            refused=(404, 413, 422, 507),
        )
    },
    f"{_WORKER}/failure": {
        "post": worker_operation(
            "fail_tiles",
            "Report that the model could not be drawn.",
            _answer("Noted.", {"reason": words("Why.")}),
            takes=body(thing("Why.", {"reason": words("One of the reasons listed in /rules.")})),
            parameters=[SUBMISSION],
            refused=(404, 422),
        )
    },
}
