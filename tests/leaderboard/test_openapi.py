"""The interface against its own description: what is promised, and nothing else."""

import re

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from leaderboard.openapi import document
from leaderboard.openapi.schemas import SCHEMAS

# Loads what schemathesis knows to check besides the answer's shape.
load_all_checks()


@pytest.fixture
def lively(board):
    """A board on which every operation finds something."""
    free = board.submit("free", license="MIT", values=40).json["evaluation_id"]
    lease, _ = board.claim(free)
    board.tell(free, "report", lease, json=board.report(8.0, 1))
    board.judged("rejected", 4, 2, verdict="rejected", universal=False, sentence="Too low.")
    waiting = board.submit("waiting", values=50).json["evaluation_id"]
    lease, _ = board.claim(waiting)
    failed = board.submit("failed", values=51).json["evaluation_id"]
    lost, _ = board.claim(failed)
    board.tell(failed, "failure", lost, json={"reason": "exited"})
    board.lease = lease["X-MBC-Lease"]
    return board


def test_it_is_served_and_is_what_it_says(board):
    answer = board.get("/api/v1/openapi.json")
    assert answer.json == document()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app=board.app)
    schema.validate()


def test_everything_is_described_and_nothing_else(board):
    there = {
        (re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in board.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described == there


def examine(operation, mode, headers):
    @hypothesis.settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case):
        # What checks the answers reads no compressed ones.
        case.headers = {**(case.headers or {}), **headers, "Accept-Encoding": "identity"}
        # No schema can say what makes a zip file a bundle, or a report the one of this season.
        inexpressible = [positive_data_acceptance] if case.operation.body else []
        answer = case.call()
        # A number that is none may make the address of another operation, which takes other requests; and
        # what is too large is refused for that, which the check of wrong data does not expect.
        hypothesis.assume(answer.status_code not in {405, 413})
        case.validate_response(answer, excluded_checks=inexpressible)

    attempt()


JSON = "application/json"
# It does not close the files that an application without a server answers with.
UNCLOSED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@UNCLOSED
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.costly
def test_schemathesis_finds_nothing(lively, mode):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app=lively.app)
    headers = {"person": lively.user, "worker": lively.worker}
    tried = 0
    # A stream that goes on for minutes is no answer to wait for; it has tests of its own.
    for found in schema.exclude(path_regex="/events$").get_all_operations():
        operation = found.ok()
        method, path = operation.method.lower(), operation.path
        described = document()["paths"][path][method]
        token = headers.get(next(iter(described.get("security", [{}])[-1]), ""), {})
        body = described.get("requestBody", {}).get("content", {})
        required = any(one["required"] for one in described["parameters"])
        if mode is GenerationMode.NEGATIVE and not required and not body.keys() - {JSON}:
            # The token may be all that is wrong.
            token = {}
        try:
            examine(operation, mode, token)
        except hypothesis.errors.Unsatisfiable:
            # Where everything is welcome, nothing is wrong enough to be sent.
            assert mode is GenerationMode.NEGATIVE, (method, path)
        tried += 1
    # Neither that stream nor the description itself.
    assert tried == sum(len(methods) for methods in document()["paths"].values()) - 2


@UNCLOSED
def test_what_is_there_is_answered_as_described(lively):
    """With real numbers, which a generator seldom hits."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app=lively.app)
    person, worker = lively.user, lively.worker | {"X-MBC-Lease": lively.lease}
    calls = (
        ("GET", "/board", {}, {"query": {"sort": "bytes", "class": "feather"}}),
        ("GET", "/board", {}, {"query": {"track": "samples", "machine": "gpu", "verified": "yes"}}),
        ("GET", "/submissions/{submission_id}", {"submission_id": 4}, {"query": {"track": "open"}}),
        ("GET", "/submissions", {}, {"query": {"per_page": 2}}),
        ("GET", "/submissions/{submission_id}", {"submission_id": 4}, {}),
        ("GET", "/submissions/{submission_id}/report", {"submission_id": 2}, {}),
        ("GET", "/submissions/{submission_id}/bundle", {"submission_id": 1}, {}),
        ("GET", "/seasons", {}, {}),
        ("GET", "/whoami", {}, {"headers": person}),
        ("GET", "/limits", {}, {"headers": person}),
        ("GET", "/worker/evaluations/{evaluation_id}/bundle", {"evaluation_id": 3}, {"headers": worker}),
        ("POST", "/submissions/{submission_id}/cancel", {"submission_id": 3}, {"headers": person}),
    )
    for method, path, places, rest in calls:
        operation = schema[f"/api/v1{path}"][method]
        rest["headers"] = {**rest.get("headers", {}), "Accept-Encoding": "identity"}
        answer = operation.Case(path_parameters=places, **rest).call_and_validate()
        assert answer.status_code == 200, path


def test_pages_of_a_list_join_to_the_whole(board):
    for index in range(5):
        board.judged(f"entry {index}", 5 + index, index)
    names, path = [], "/api/v1/board?entries=all&per_page=2"
    while path:
        answer = board.get(path)
        names += [entry["name"] for entry in answer.json["entries"]]
        assert answer.json["page"]["total"] == 5
        path = (re.search(r'<([^>]+)>; rel="next"', answer.headers["Link"]) or [None, None])[1]
    assert names == [f"entry {index}" for index in reversed(range(5))]
    assert [s["id"] for s in board.get("/api/v1/submissions?per_page=2&page=2").json["submissions"]] == [3, 2]
    assert board.get("/api/v1/submissions?user=2").json["submissions"] == []


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=501", "sort=luck", "class=fly", "order=up"])
def test_a_query_that_means_nothing_is_said_so(board, query):
    answer = board.get(f"/api/v1/board?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "query_invalid")
    assert query.split("=")[0] in answer.json["detail"]
    assert board.get(f"/?{query}").status_code == 422


def test_what_has_not_changed_is_not_sent_again(board):
    number = board.judged("one", 8, 1)
    for path in (
        "/api/v1/board",
        "/api/v1/submissions",
        f"/api/v1/submissions/{number}/report",
        f"/api/v1/submissions/{number}/bundle",
        "/",
        "/board.csv",
        "/truth/spiral/3.png",
    ):
        with board.get(path, headers=board.user) as first:
            assert first.status_code == 200, path
            tag = first.headers["ETag"]
        with board.get(path, headers=board.user | {"If-None-Match": tag}) as second:
            assert (second.status_code, second.data) == (304, b""), path
    before = board.get("/api/v1/board").headers["ETag"]
    board.judged("two", 9, 2)
    assert board.get("/api/v1/board", headers={"If-None-Match": before}).status_code == 200


def test_numbers_that_no_database_holds_are_addresses_of_nothing(board):
    for path in ("/api/v1/submissions/99999999999999999999", "/submissions/99999999999999999999"):
        assert board.get(path).status_code == 404


def test_the_page_for_people_tells_of_every_operation(board):
    text = board.get("/api").text
    for path, methods in document()["paths"].items():
        assert path in text
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text


def test_attributes_of_a_docstring_describe_the_fields():
    schema = SCHEMAS["FrameSuggestion"]
    assert schema["properties"]["inverted"]["description"] == "Whether 1 - output does better."
    assert not [name for name, one in SCHEMAS.items() if "Attributes:" in str(one)]
