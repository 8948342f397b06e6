"""The operations that everybody may use: the board, submissions, one's own account."""

from typing import Final

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.scoring.tracks import BUDGETS, CPU, Track
from leaderboard.openapi.operations import (
    BINARY,
    ELSEWHERE,
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
from leaderboard.services.board_query import KINDS, MOST_ID, MOST_PER_PAGE, ORDERS, SORTS

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
                choice("track", "The track.", [t.value for t in Track], Track.OPEN.value),
                choice("machine", "The class of machine; samples track only.", BUDGETS, CPU),
                choice(
                    "entries", "Everybody's best entry and all references, or all entries.", ("best", "all")
                ),
                choice("verified", "Only entries that also rank on the samples track.", ("yes",)),
                parameter(
                    "family",
                    "query",
                    whole(
                        "A submission: it, what it builds on, and what builds on it.",
                        minimum=1,
                        maximum=MOST_ID,
                    ),
                ),
                choice("class", "Only this weight class.", WEIGHT_CLASSES),
                choice("kind", "Whose entries.", KINDS, "all"),
                choice("sort", "The column to sort by.", SORTS, "octaves"),
                choice("order", "Ascending or descending.", ORDERS),
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
                parameter("user", "query", whole("Only this person's.", minimum=1, maximum=2**31 - 1)),
                *_PAGES,
            ],
            {"200": json_answer("Submissions.", "Submissions"), **UNCHANGED, **refusals(422)},
        ),
        "post": operation(
            "Submissions",
            "submit",
            "Submit a bundle. The same bundle is judged once per season and track.",
            [],
            {
                "200": json_answer("The same bundle was submitted before; this is its state.", "Submission"),
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
            "The state of a submission.",
            [SUBMISSION, _TRACK],
            {"200": json_answer("Its state.", "Submission"), **UNCHANGED, **refusals(404, 422)},
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
            "Its state as server-sent events, sent on every change.",
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
            "The bundle: your own, or one whose licence allows redistribution.",
            [SUBMISSION],
            {
                "200": file_answer("The zip file.", "application/zip"),
                "206": file_answer("A part of it.", "application/zip"),
                **ELSEWHERE,
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
            "Cancel your own submission before it is judged.",
            [SUBMISSION, _TRACK],
            {"200": json_answer("It is cancelled.", "Submission"), **refusals(401, 403, 404, 409, 422, 429)},
            security=PERSON,
        )
    },
    f"{V1}/submissions/{{submission_id}}/certify": {
        "post": operation(
            "Submissions",
            "certify",
            "Ask for the verdict of one's own submission, where the board gives it on request alone.",
            [SUBMISSION, _TRACK],
            {
                "200": json_answer("It waits for its verdict.", "Submission"),
                **refusals(401, 403, 404, 409, 422, 429),
            },
            security=PERSON,
        )
    },
}

_YOU: Final = {
    f"{V1}/whoami": {
        "get": operation(
            "You",
            "whoami",
            "The owner of this token.",
            [],
            {"200": json_answer("A person.", "Person"), **refusals(401, 403)},
            security=PERSON,
        )
    },
    f"{V1}/limits": {
        "get": operation(
            "You",
            "limits",
            "Limits of a bundle; with a token, also your remaining quota.",
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
