"""The part of the interface that the explorer and its workers speak."""

from typing import Any, Final

from challenge.imaging.tiles import DEEPEST
from leaderboard.openapi.paths import _BINARY, _JSON, _SUBMISSION, _WORKERS, _body, _operation
from leaderboard.openapi.paths import _parameter as parameter
from leaderboard.openapi.paths import _refusals as refusals
from leaderboard.openapi.schemas import Schema, items, thing, truth, whole, words
from leaderboard.tiles.model_tiles import MAX_REQUESTED

_V1: Final = "/api/v1/tiles"
_WORKER: Final = "/api/v1/worker/tiles/{submission_id}"
_WHERE: Final = [
    parameter("octave", "path", whole("Of the tile.", maximum=DEEPEST)),
    parameter("x", "path", whole("Column from the left, below 2^octave.", maximum=(1 << DEEPEST) - 1)),
    parameter("y", "path", whole("Row from the top, below 2^octave.", maximum=(1 << DEEPEST) - 1)),
]
_TILE: Final = {
    "200": {
        "description": "A header and 256 x 256 values of 16 bits, packed as in challenge/imaging/tiles.py.",
        "content": {"application/octet-stream": {"schema": _BINARY}},
    },
    "304": {"description": "Not modified."},
}
_SOME: Final = items(
    items(whole("A number.", maximum=(1 << DEEPEST) - 1), "Octave, x and y.", minItems=3, maxItems=3),
    "Tiles.",
    maxItems=MAX_REQUESTED,
)
_BATCH: Final = _body(thing("A batch.", {"tiles": _SOME}))


def _answer(text: str, properties: dict[str, Schema]) -> Schema:
    return {"description": text, "content": {_JSON: {"schema": thing(text, properties)}}}


def _for_workers(name: str, summary: str, answer: Schema, body: Schema | None, *more: int) -> Schema:
    values: dict[str, Any] = {"requestBody": body} if body else {}
    return _operation(
        "Workers",
        name,
        summary,
        [_SUBMISSION],
        {"200": answer, **refusals(401, 403, 404, *more)},
        security=_WORKERS,
        **values,
    )


_DRAW: Final = _for_workers(
    "draw",
    "Hand over a tile that was drawn.",
    _answer("It was kept.", {name: whole("Of the tile.") for name in ("octave", "x", "y")}),
    _body(_BINARY, "application/octet-stream"),
    413,
    422,
    507,
)
_DRAW["parameters"] += _WHERE

TILE_PATHS: Final[dict[str, Schema]] = {
    f"{_V1}/truth/{{octave}}/{{x}}/{{y}}": {
        "get": _operation(
            "Tiles",
            "truth_tile",
            "The truth: drawn now, where nobody has asked for it before.",
            _WHERE,
            _TILE | refusals(404, 429, 503, 507),
        )
    },
    f"{_V1}/submissions/{{submission_id}}/{{octave}}/{{x}}/{{y}}": {
        "get": _operation(
            "Tiles",
            "model_tile",
            "What a model makes of it, once a worker has drawn it.",
            [_SUBMISSION, *_WHERE],
            _TILE | refusals(404),
        )
    },
    f"{_V1}/submissions/{{submission_id}}/wishes": {
        "post": _operation(
            "Tiles",
            "wish",
            "Have tiles of a model drawn; wish again until they are ready.",
            [_SUBMISSION],
            {
                "200": _answer(
                    "How far they are.",
                    {
                        "ready": _SOME,
                        "waiting": whole("How many are still to be drawn."),
                        "worker": truth("Whether a worker has been heard of lately."),
                        "problem": words("Why none will come, or ''."),
                    },
                ),
                **refusals(404, 422, 429),
            },
            requestBody=_BATCH,
        )
    },
    f"{_WORKER}/claim": {
        "post": _for_workers(
            "claim_tiles",
            "Which tiles of a batch are still wanted, and of which bundle.",
            _answer("What is left.", {"digest": words("SHA-256 of the bundle."), "tiles": _SOME}),
            _BATCH,
            422,
        )
    },
    f"{_WORKER}/bundle": {
        "get": _for_workers(
            "bundle_to_draw",
            "The bundle whose model is drawn.",
            {"description": "The zip file.", "content": {"application/zip": {"schema": _BINARY}}},
            None,
        )
    },
    f"{_WORKER}/{{octave}}/{{x}}/{{y}}": {"put": _DRAW},
    f"{_WORKER}/failure": {
        "post": _for_workers(
            "fail_tiles",
            "Tell that the model could not be drawn.",
            _answer("Noted.", {"reason": words("Why.")}),
            _body(thing("Why.", {"reason": words("A reason of the rules.")})),
            422,
        )
    },
}
