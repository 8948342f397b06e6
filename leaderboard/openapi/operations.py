"""Parts of an operation's description: parameters, bodies, answers and refusals."""

from typing import Any, Final

from leaderboard.openapi.schemas import Schema, either, ref, whole, words

V1: Final = "/api/v1"
JSON: Final = "application/json"
BINARY: Final = {"type": "string", "format": "binary"}
UNCHANGED: Final = {"304": {"description": "Not modified."}}
PERSON: Final[list[Schema]] = [{"person": []}]
VISITOR_OR_PERSON: Final[list[Schema]] = [{}, {"person": []}]
_WORKERS: Final[list[Schema]] = [{"worker": []}]

_PROBLEM: Final = {"application/problem+json": {"schema": ref("Problem")}}
_REFUSALS: Final = {
    400: "The request makes no sense.",
    401: "The token is missing or not valid here.",
    403: "This token lacks the permission for that.",
    404: "There is no such thing.",
    409: "Its state does not allow that.",
    413: "It is too large.",
    422: "The request is invalid; `code` says what is wrong.",
    429: "Too many requests, or the quota is used up; Retry-After says when to try again.",
    503: "Too many of them are open; ask from time to time instead.",
    507: "The server's disk is full; nothing was changed.",
}


def refusals(*statuses: int) -> Schema:
    """Answers with these statuses, and with 500."""
    answers: Schema = {str(s): {"description": _REFUSALS[s], "content": _PROBLEM} for s in statuses}
    answers["500"] = {"description": "The server made a mistake.", "content": _PROBLEM}
    if "429" in answers:
        answers["429"]["headers"] = {
            "Retry-After": {"description": "Seconds.", "required": True, "schema": whole("Seconds.")}
        }
    return answers


def parameter(name: str, where: str, schema: Schema) -> Schema:
    """A parameter of the path, which is required, or of the query or header, which is not."""
    return {"name": name, "in": where, "schema": schema, "required": where == "path"}


def number(name: str) -> Schema:
    """The number of something, in the path."""
    return parameter(name, "path", whole("Its number.", maximum=2**31 - 1))


def choice(name: str, text: str, among: Any, default: str | None = None) -> Schema:
    """One of several words, in the query."""
    more = {} if default is None else {"default": default}
    return parameter(name, "query", words(text, enum=list(among), **more))


SUBMISSION: Final = number("submission_id")
EVALUATION: Final = number("evaluation_id")
LEASE: Final = parameter(
    "X-MBC-Lease", "header", words("What `claim` gave.", pattern="^[A-Za-z0-9_-]{1,64}$")
)

SPEED: Final = parameter(
    "X-MBC-Speed",
    "header",
    words("Of this machine, beside the one that budgets are quoted for; operators see it."),
)


def json_answer(text: str, *names: str) -> Schema:
    """An answer that is one of these models; any object where none is named."""
    return {
        "description": text,
        "content": {JSON: {"schema": either(*names) if names else {"type": "object"}}},
    }


def file_answer(text: str, kind: str) -> Schema:
    """An answer that is a file."""
    return {"description": text, "content": {kind: {"schema": BINARY}}}


ELSEWHERE: Final[Schema] = {
    "302": {
        "description": "It is in object storage, for some minutes at this address.",
        "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
    }
}


def body(schema: Schema, kind: str = JSON) -> Schema:
    """What a request has to send."""
    return {"required": True, "content": {kind: {"schema": schema}}}


def operation(
    tag: str, name: str, summary: str, parameters: list[Schema], responses: Schema, **more: Any
) -> Schema:
    """An operation."""
    return {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    } | more


def worker_operation(
    name: str,
    summary: str,
    answer: Schema,
    *,
    takes: Schema | None = None,
    parameters: list[Schema],
    refused: tuple[int, ...] = (),
) -> Schema:
    """An operation that takes a worker's token."""
    more = {"requestBody": takes} if takes else {}
    responses = {"200": answer, **refusals(401, 403, *refused)}
    return operation("Workers", name, summary, parameters, responses, security=_WORKERS, **more)
