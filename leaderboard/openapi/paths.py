"""Every operation of the interface: its parameters, what it takes, and every answer it gives."""

from typing import Any, Final

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.scoring.tracks import BUDGETS, CPU, Track
from leaderboard.openapi.schemas import Schema, either, ref, whole, words
from leaderboard.services.board_query import KINDS, MOST_PER_PAGE, ORDERS, SORTS

_V1: Final = "/api/v1"
_WORKER: Final = f"{_V1}/worker/evaluations/{{evaluation_id}}"
_JSON: Final = "application/json"
_PROBLEM: Final = {"application/problem+json": {"schema": ref("Problem")}}

_REFUSALS: Final = {
    400: "The request makes no sense.",
    401: "The token is missing or not valid here.",
    403: "This token does not open this door.",
    404: "There is no such thing.",
    409: "It is not in a state for that.",
    413: "It is too large.",
    422: "Something in it cannot be taken; the code says what.",
    429: "Too often, or the quota is used up; Retry-After says when to come again.",
    503: "Too many of them are open; ask from time to time instead.",
    507: "The server's disk is full; nothing was changed.",
}


def _refusals(*statuses: int) -> Schema:
    answers: Schema = {str(s): {"description": _REFUSALS[s], "content": _PROBLEM} for s in statuses}
    answers["500"] = {"description": "The server made a mistake.", "content": _PROBLEM}
    if "429" in answers:
        answers["429"]["headers"] = {
            "Retry-After": {"description": "Seconds.", "required": True, "schema": whole("Seconds.")}
        }
    return answers


def _parameter(name: str, where: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": where, "schema": schema, "required": required or where == "path"}


def _number(name: str) -> Schema:
    return _parameter(name, "path", whole("Its number.", maximum=2**31 - 1))


def _choice(name: str, text: str, among: Any, default: str) -> Schema:
    return _parameter(name, "query", words(text, enum=list(among), default=default))


_SUBMISSION: Final = _number("submission_id")
_EVALUATION: Final = _number("evaluation_id")
_LEASE: Final = _parameter(
    "X-MBC-Lease", "header", words("What `claim` gave.", pattern="^[A-Za-z0-9_-]{1,64}$")
)
_TRACK: Final = _parameter("track", "query", words("That on one track alone.", enum=[t.value for t in Track]))
_SEASON: Final = _parameter("season", "query", words("A season's name. Without it, the open one."))
_PAGES: Final = [
    _parameter("page", "query", whole("From 1.", minimum=1, maximum=1_000_000, default=1)),
    _parameter("per_page", "query", whole("On a page.", minimum=1, maximum=MOST_PER_PAGE, default=100)),
]
_UNCHANGED: Final = {"304": {"description": "Not modified."}}


def _json(text: str, *names: str) -> Schema:
    return {"description": text, "content": {_JSON: {"schema": either(*names)}}}


def _body(schema: Schema, kind: str = _JSON) -> Schema:
    return {"required": True, "content": {kind: {"schema": schema}}}


def _operation(
    tag: str, name: str, summary: str, parameters: list[Schema], responses: Schema, **more: Any
) -> Schema:
    return {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    } | more


_PERSON: Final[list[Schema]] = [{"person": []}]
_VISITOR_OR_PERSON: Final[list[Schema]] = [{}, {"person": []}]
_WORKERS: Final[list[Schema]] = [{"worker": []}]
_BINARY: Final = {"type": "string", "format": "binary"}

_BOARD: Final = {
    f"{_V1}/board": {
        "get": _operation(
            "Board",
            "board",
            "The standing of a season on a track.",
            [
                _SEASON,
                _choice("track", "Which board.", [t.value for t in Track], Track.OPEN.value),
                _choice("machine", "On the samples track: a class of machine.", BUDGETS, CPU),
                _parameter(
                    "entries",
                    "query",
                    words("Everybody's best entry and all references, or all entries.", enum=["best", "all"]),
                ),
                _parameter(
                    "verified", "query", words("Those alone that rank on the samples track.", enum=["yes"])
                ),
                _choice("class", "One weight class alone.", WEIGHT_CLASSES, "")
                | {"schema": words("One weight class alone.", enum=list(WEIGHT_CLASSES))},
                _choice("kind", "Whose entries.", KINDS, "all"),
                _choice("sort", "By what.", SORTS, "octaves"),
                _parameter("order", "query", words("Which way round.", enum=list(ORDERS))),
                *_PAGES,
            ],
            {"200": _json("The standing.", "Board"), **_UNCHANGED, **_refusals(404, 422)},
        )
    },
    f"{_V1}/seasons": {
        "get": _operation(
            "Board",
            "seasons",
            "Every season; a secret once it is closed.",
            _PAGES,
            {"200": _json("Seasons.", "Seasons"), **_UNCHANGED, **_refusals(422)},
        )
    },
}

_SUBMISSIONS: Final = {
    f"{_V1}/submissions": {
        "get": _operation(
            "Submissions",
            "submissions",
            "Submissions, the newest first.",
            [
                _parameter("user", "query", whole("Of this person alone.", minimum=1, maximum=2**31 - 1)),
                *_PAGES,
            ],
            {"200": _json("Submissions.", "Submissions"), **_UNCHANGED, **_refusals(422)},
        ),
        "post": _operation(
            "Submissions",
            "submit",
            "Submit a bundle. The same one again is judged once a season on each track.",
            [],
            {
                "200": _json("It is here already.", "Submission"),
                "201": _json("It is queued.", "Submission"),
                **_refusals(400, 401, 403, 409, 413, 422, 429, 507),
            },
            security=_PERSON,
            requestBody=_body(
                {
                    "type": "object",
                    "properties": {
                        "bundle": _BINARY,
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
    f"{_V1}/submissions/{{submission_id}}": {
        "get": _operation(
            "Submissions",
            "submission",
            "How a submission stands.",
            [_SUBMISSION, _TRACK],
            {"200": _json("How it stands.", "Submission"), **_UNCHANGED, **_refusals(404, 422)},
        )
    },
    f"{_V1}/submissions/{{submission_id}}/report": {
        "get": _operation(
            "Submissions",
            "report",
            "The judge's newest report.",
            [
                _SUBMISSION,
                _parameter("season", "query", words("A season's name. Without it, any ranked one.")),
                _TRACK,
            ],
            {
                "200": _json("The report, as far as it is public.", "PublicReport"),
                **_UNCHANGED,
                **_refusals(404, 422),
            },
        )
    },
    f"{_V1}/submissions/{{submission_id}}/events": {
        "get": _operation(
            "Submissions",
            "events",
            "How it stands, as server-sent events, whenever that changes.",
            [_SUBMISSION, _TRACK],
            {
                "200": {
                    "description": "Events `status`, each a Submission, and `end`.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                **_refusals(404, 422, 503),
            },
        )
    },
    f"{_V1}/submissions/{{submission_id}}/bundle": {
        "get": _operation(
            "Submissions",
            "bundle",
            "The bundle: one's own, and others' whose licence lets it be passed on.",
            [_SUBMISSION],
            {
                "200": {"description": "The zip file.", "content": {"application/zip": {"schema": _BINARY}}},
                "206": {"description": "A part of it.", "content": {"application/zip": {"schema": _BINARY}}},
                **_UNCHANGED,
                **_refusals(401, 403, 404),
            },
            security=_VISITOR_OR_PERSON,
        )
    },
    f"{_V1}/submissions/{{submission_id}}/cancel": {
        "post": _operation(
            "Submissions",
            "cancel",
            "Take back one's own submission where it is not judged yet.",
            [_SUBMISSION, _TRACK],
            {"200": _json("It is cancelled.", "Submission"), **_refusals(401, 403, 404, 409, 422, 429)},
            security=_PERSON,
        )
    },
}

_YOU: Final = {
    f"{_V1}/whoami": {
        "get": _operation(
            "You",
            "whoami",
            "Whose token this is.",
            [],
            {"200": _json("A person.", "Person"), **_refusals(401, 403)},
            security=_PERSON,
        )
    },
    f"{_V1}/limits": {
        "get": _operation(
            "You",
            "limits",
            "What a bundle may hold; with a token, what is left of the quota.",
            [],
            {"200": _json("Limits.", "Limits"), **_UNCHANGED, **_refusals(401, 403)},
            security=_VISITOR_OR_PERSON,
        )
    },
    f"{_V1}/openapi.json": {
        "get": _operation(
            "You",
            "description",
            "This description.",
            [],
            {
                "200": {"description": "OpenAPI 3.1.", "content": {_JSON: {"schema": {"type": "object"}}}},
                **_UNCHANGED,
                **_refusals(),
            },
        )
    },
}


def _for_workers(name: str, summary: str, answer: Schema, body: Schema | None, *more: int) -> Schema:
    values = _operation(
        "Workers",
        name,
        summary,
        [_EVALUATION, _LEASE],
        {"200": answer, **_refusals(401, 403, 404, 409, *more)},
        security=_WORKERS,
    )
    return values | ({"requestBody": body} if body else {})


_NAME: Final = [
    _parameter("place", "path", words("A place's short name.", pattern="^[a-z0-9][a-z0-9-]{0,39}$")),
    _parameter("octave", "path", words("Two digits.", pattern="^[0-9][0-9]$")),
    _parameter("kind", "path", words("What is seen.", enum=["model", "error"])),
]
_PICTURE: Final = _for_workers(
    "picture", "Post a picture; it is decoded and written anew.", _json("It was kept.", "Picture"),
    _body(_BINARY, "image/png"), 413, 422, 507,
)  # fmt: skip
_PICTURE["parameters"][1:1] = _NAME
_TARGET: Final = _for_workers(
    "target_picture", "Post a picture of a target; it is shown when the season's secret is.",
    _json("It was kept.", "Picture"), _body(_BINARY, "image/png"), 413, 422, 507,
)  # fmt: skip
_TARGET["parameters"][1:1] = [
    _parameter("target", "path", whole("From 1.", minimum=1, maximum=9)),
    _parameter("picture", "path", words("What is seen.", pattern="^(truth|error|film-[0-9][0-9])$")),
]
_CLAIM: Final = _for_workers(
    "claim", "Take the lease of a particular evaluation.", _json("It is yours.", "Claim"), None
)
_CLAIM["parameters"].remove(_LEASE)

_CLAIM_NEXT: Final = _for_workers(
    "claim_next", "Take the lease of the evaluation whose turn it is.", _json("It is yours.", "Claim"), None
)
_CLAIM_NEXT["parameters"] = []
_CLAIM_NEXT["responses"]["204"] = {"description": "Nothing waits."}
del _CLAIM_NEXT["responses"]["404"], _CLAIM_NEXT["responses"]["409"]

_MACHINE: Final = _for_workers(
    "introduce", "Say what is in force on this worker's machine; the rules show it to everybody.",
    _json("Noted.", "Noted"), _body(ref("WorkerInfo")), 413, 422,
)  # fmt: skip
_MACHINE["parameters"] = []
del _MACHINE["responses"]["404"], _MACHINE["responses"]["409"]

_STAGE: Final = _for_workers(
    "finish_stage", "Post what a stage found; it is never done again.",
    _json("It was taken.", "StageTaken"), _body(ref("FoundStage")), 413, 422,
)  # fmt: skip
_STAGE["parameters"][1:1] = [
    _parameter("stage", "path", words("The stage.", enum=["octaves", "certificate", "integrity"]))
]
_CERTIFICATE: Final = _for_workers(
    "certificate", "The certificate of equal code, found in another evaluation.",
    {"description": "The certificate.", "content": {_JSON: {"schema": {"type": "object"}}}}, None,
)  # fmt: skip
_CERTIFICATE["parameters"] = [
    _parameter("digest", "path", words("SHA-256, hexadecimal.", pattern="^[0-9a-f]{64}$"))
]
del _CERTIFICATE["responses"]["409"]

_REPRODUCTION: Final = [_SUBMISSION]
_TO_REPRODUCE: Final = _for_workers(
    "to_reproduce", "What an entry was judged on, to repeat its training.",
    _json("The entry.", "ToReproduce"), None,
)  # fmt: skip
_BUNDLE_TO_REPRODUCE: Final = _for_workers(
    "bundle_to_reproduce", "The bundle of an entry whose training is repeated.",
    {"description": "The zip file.", "content": {"application/zip": {"schema": _BINARY}}}, None,
)  # fmt: skip
_REPRODUCED: Final = _for_workers(
    "reproduced", "Post what came of a repeated training; answers with the comparison.",
    _json("Compared.", "Reproduction"), _body(ref("Repeated")), 413, 422,
)  # fmt: skip
for _one in (_TO_REPRODUCE, _BUNDLE_TO_REPRODUCE, _REPRODUCED):
    _one["parameters"] = _REPRODUCTION

_WORKER_PATHS: Final = {
    f"{_V1}/worker/reproductions/{{submission_id}}": {"get": _TO_REPRODUCE, "put": _REPRODUCED},
    f"{_V1}/worker/reproductions/{{submission_id}}/bundle": {"get": _BUNDLE_TO_REPRODUCE},
    f"{_V1}/worker/machine": {"put": _MACHINE},
    f"{_V1}/worker/claim": {"post": _CLAIM_NEXT},
    f"{_WORKER}/claim": {"post": _CLAIM},
    f"{_WORKER}/bundle": {
        "get": _for_workers(
            "claimed_bundle",
            "The bundle to judge.",
            {"description": "The zip file.", "content": {"application/zip": {"schema": _BINARY}}},
            None,
        )
    },
    f"{_WORKER}/status": {
        "post": _for_workers(
            "tell",
            "Tell how far it is; renews the lease.",
            _json("Noted.", "Evaluation"),
            _body(ref("Progress")),
            422,
        )
    },
    f"{_WORKER}/artifacts/{{place}}/{{octave}}/{{kind}}.png": {"put": _PICTURE},
    f"{_WORKER}/artifacts/samples/{{target}}/{{picture}}.png": {"put": _TARGET},
    f"{_WORKER}/evidence": {
        "put": _for_workers(
            "evidence",
            "Post what people are shown of controls and probes.",
            _json("It was kept.", "Kept"),
            _body({"type": "object"}),
            413,
            422,
            507,
        )
    },
    f"{_WORKER}/stages/{{stage}}": {"post": _STAGE},
    f"{_V1}/worker/certificates/{{digest}}": {"get": _CERTIFICATE},
    f"{_WORKER}/report": {
        "post": _for_workers(
            "finish",
            "Post the report: the end. The same one again changes nothing.",
            _json("It is judged.", "Evaluation"),
            _body(either("Report", "SamplesReport")),
            422,
        )
    },
    f"{_WORKER}/failure": {
        "post": _for_workers(
            "fail",
            "Tell that it could not be judged.",
            _json("It failed, or is queued again.", "Evaluation"),
            _body(ref("Failure")),
            422,
        )
    },
}

PATHS: Final[dict[str, Schema]] = {**_BOARD, **_SUBMISSIONS, **_YOU, **_WORKER_PATHS}
