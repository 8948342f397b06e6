"""The operations that everybody may use: the board, submissions, one's own account."""

from typing import Final

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.scoring.tracks import BUDGETS, CPU, Track
from leaderboard.openapi.operations import (
    BINARY,
    PERSON,
    SUBMISSION,
    UNCHANGED,
    V1,
    VISITOR_OR_PERSON,
    body,
    choice,
    file_answer,
    json_answer,
    operation,
    parameter,
    refusals,
)
from leaderboard.openapi.schemas import Schema, whole, words
from leaderboard.services.board_query import KINDS, MOST_PER_PAGE, ORDERS, SORTS

_TRACK: Final = choice("track", "That on one track alone.", [t.value for t in Track])
_SEASON: Final = parameter("season", "query", words("A season's name. Without it, the open one."))
_PAGES: Final = [
    parameter("page", "query", whole("From 1.", minimum=1, maximum=1_000_000, default=1)),
    parameter("per_page", "query", whole("On a page.", minimum=1, maximum=MOST_PER_PAGE, default=100)),
]

_BOARD: Final = {
    f"{V1}/board": {
        "get": operation(
            "Board",
            "board",
            "The standing of a season on a track.",
            [
                _SEASON,
                choice("track", "Which board.", [t.value for t in Track], Track.OPEN.value),
                choice("machine", "On the samples track: a class of machine.", BUDGETS, CPU),
                choice(
                    "entries", "Everybody's best entry and all references, or all entries.", ("best", "all")
                ),
                choice("verified", "Those alone that rank on the samples track.", ("yes",)),
                choice("class", "One weight class alone.", WEIGHT_CLASSES),
                choice("kind", "Whose entries.", KINDS, "all"),
                choice("sort", "By what.", SORTS, "octaves"),
                choice("order", "Which way round.", ORDERS),
                *_PAGES,
            ],
            {"200": json_answer("The standing.", "Board"), **UNCHANGED, **refusals(404, 422)},
        )
    },
    f"{V1}/seasons": {
        "get": operation(
            "Board",
            "seasons",
            "Every season; a secret once it is closed.",
            _PAGES,
            {"200": json_answer("Seasons.", "Seasons"), **UNCHANGED, **refusals(422)},
        )
    },
}

_SUBMISSIONS: Final = {
    f"{V1}/submissions": {
        "get": operation(
            "Submissions",
            "submissions",
            "Submissions, the newest first.",
            [
                parameter("user", "query", whole("Of this person alone.", minimum=1, maximum=2**31 - 1)),
                *_PAGES,
            ],
            {"200": json_answer("Submissions.", "Submissions"), **UNCHANGED, **refusals(422)},
        ),
        "post": operation(
            "Submissions",
            "submit",
            "Submit a bundle. The same one again is judged once a season on each track.",
            [],
            {
                "200": json_answer("It is here already.", "Submission"),
                "201": json_answer("It is queued.", "Submission"),
                **refusals(400, 401, 403, 409, 413, 422, 429, 507),
            },
            security=PERSON,
            requestBody=body(
                {
                    "type": "object",
                    "properties": {
                        "bundle": BINARY,
                        "track": words(
                            "Where it is judged.", enum=[*(t.value for t in Track), "both"], default="both"
                        ),
                    },
                    "required": ["bundle"],
                },
                "multipart/form-data",
            ),
        ),
    },
    f"{V1}/submissions/{{submission_id}}": {
        "get": operation(
            "Submissions",
            "submission",
            "How a submission stands.",
            [SUBMISSION, _TRACK],
            {"200": json_answer("How it stands.", "Submission"), **UNCHANGED, **refusals(404, 422)},
        )
    },
    f"{V1}/submissions/{{submission_id}}/report": {
        "get": operation(
            "Submissions",
            "report",
            "The judge's newest report.",
            [
                SUBMISSION,
                parameter("season", "query", words("A season's name. Without it, any ranked one.")),
                _TRACK,
            ],
            {
                "200": json_answer("The report, as far as it is public.", "PublicReport"),
                **UNCHANGED,
                **refusals(404, 422),
            },
        )
    },
    f"{V1}/submissions/{{submission_id}}/events": {
        "get": operation(
            "Submissions",
            "events",
            "How it stands, as server-sent events, whenever that changes.",
            [SUBMISSION, _TRACK],
            {
                "200": {
                    "description": "Events `status`, each a Submission, and `end`.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                **refusals(404, 422, 503),
            },
        )
    },
    f"{V1}/submissions/{{submission_id}}/bundle": {
        "get": operation(
            "Submissions",
            "bundle",
            "The bundle: one's own, and others' whose licence lets it be passed on.",
            [SUBMISSION],
            {
                "200": file_answer("The zip file.", "application/zip"),
                "206": file_answer("A part of it.", "application/zip"),
                **UNCHANGED,
                **refusals(401, 403, 404),
            },
            security=VISITOR_OR_PERSON,
        )
    },
    f"{V1}/submissions/{{submission_id}}/cancel": {
        "post": operation(
            "Submissions",
            "cancel",
            "Take back one's own submission where it is not judged yet.",
            [SUBMISSION, _TRACK],
            {"200": json_answer("It is cancelled.", "Submission"), **refusals(401, 403, 404, 409, 422, 429)},
            security=PERSON,
        )
    },
}

_YOU: Final = {
    f"{V1}/whoami": {
        "get": operation(
            "You",
            "whoami",
            "Whose token this is.",
            [],
            {"200": json_answer("A person.", "Person"), **refusals(401, 403)},
            security=PERSON,
        )
    },
    f"{V1}/limits": {
        "get": operation(
            "You",
            "limits",
            "What a bundle may hold; with a token, what is left of the quota.",
            [],
            {"200": json_answer("Limits.", "Limits"), **UNCHANGED, **refusals(401, 403)},
            security=VISITOR_OR_PERSON,
        )
    },
    f"{V1}/openapi.json": {
        "get": operation(
            "You",
            "description",
            "This description.",
            [],
            {
                "200": json_answer("OpenAPI 3.1."),
                **UNCHANGED,
                **refusals(),
            },
        )
    },
}

PATHS: Final[dict[str, Schema]] = {**_BOARD, **_SUBMISSIONS, **_YOU}
