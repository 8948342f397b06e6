"""Reproduced entries: compared by their paired interval, shown, ranked, and part of the front."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from werkzeug.serving import make_server

from challenge.training import batches
from challenge.util.http import RetryPolicy
from evaluator.reproduction.cli import reproduce, sentence
from evaluator.reproduction.client import ReproductionClient
from evaluator.sandbox import find_sandbox
from leaderboard.models import AuditRow
from leaderboard.services import evaluations, seasons, submissions
from tests.support import seed_data

URL = "/api/v1/worker/reproductions"


@pytest.fixture
def flagged(board):
    board.judged("other", 7.0, 1, headers=board.stranger)
    return board.judged("deep", 12.0, 2, flagged=True)


def posted(board, number, octaves, seed=2, **changes):
    values = {
        "season": board.season().name,
        "skill_by_chain": seed_data.skills(octaves, seed, chains=16).tolist(),
        "weights": "ab" * 32,
        "steps": 2500,
        "seconds": 557.2,
        "machine": "x86_64, 2 cores",
        "device": "cpu",
    } | changes
    return board.client.put(f"{URL}/{number}", headers=board.worker, json=values)


def names(board):
    return [entry["name"] for entry in board.get("/api/v1/board").json["entries"]]


def test_who_repeats_it_gets_what_it_was_judged_on(board, flagged):
    answer = board.get(f"{URL}/{flagged}", headers=board.worker)
    season = board.season()
    assert answer.json == {
        "submission_id": flagged,
        "name": "deep",
        "season": {
            "name": season.name,
            "secret": season.secret.hex(),
            "size": {"chains": 16, "octaves": 32, "points": 8},
        },
    }
    with board.get(f"{URL}/{flagged}/bundle", headers=board.worker) as bundle:
        assert bundle.data[:2] == b"PK"
    for path in ("", "/bundle"):
        assert board.get(f"{URL}/{flagged}{path}").status_code == 401
        assert board.get(f"{URL}/{flagged}{path}", headers=board.user).status_code == 403
    assert posted(board, 99, 12.0).status_code == 404


def test_a_flagged_entry_that_comes_again_ranks_and_says_so(board, flagged):
    assert names(board) == ["other"]
    answer = posted(board, flagged, 12.05)
    assert answer.status_code == 200, answer.text
    assert answer.json["agrees"]
    low, high = answer.json["difference"]
    assert low <= 0.05 <= high + 0.01
    assert names(board) == ["deep", "other"]
    entry = board.get("/api/v1/board").json["entries"][0]
    assert (entry["reproduced"], entry["verified"], entry["awaits_decision"]) == (True, True, False)
    status = board.get(f"/api/v1/submissions/{flagged}").json
    assert status["reproduction"]["seconds"] == 557.2
    assert status["reproduction"]["machine"] == "x86_64, 2 cores"
    page = board.get(f"/submissions/{flagged}").text
    assert "✓ reproduced" in page
    assert "557 s on cpu (x86_64, 2 cores)" in page
    assert "because its training was repeated" in page
    assert "flagged, reproduced" in board.get("/").text
    with board.parts.readers() as session:
        assert [row.action for row in session.query(AuditRow)][-1] == "reproduced"


def test_what_comes_out_worse_changes_nothing_and_is_shown(board, flagged):
    answer = posted(board, flagged, 10.0)
    assert (answer.status_code, answer.json["agrees"]) == (200, False)
    assert names(board) == ["other"]
    page = board.get(f"/submissions/{flagged}").text
    assert "Not reproduced" in page
    assert "✓ reproduced" not in page
    # A second try takes the place of the first one; an honest third way back again.
    assert posted(board, flagged, 12.0).json["agrees"]
    assert names(board) == ["deep", "other"]
    assert not posted(board, flagged, 10.0).json["agrees"]
    assert names(board) == ["other"]


def test_it_stays_reproduced_when_it_is_judged_again(board, flagged):
    posted(board, flagged, 12.0)
    with board.writing() as session:
        found = submissions.get(session, flagged)
        number = evaluations.queue_evaluation(session, found, seasons.current_season(session)).id
    lease, _ = board.claim(number)
    assert board.tell(number, "report", lease, json=board.report(12.0, 2, flagged=True)).status_code == 200
    assert names(board) == ["deep", "other"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"season": "practice"},
        {"skill_by_chain": [[0.5] * 32] * 15},
        {"skill_by_chain": [[1.5] * 32] * 16},
        {"skill_by_chain": "deep"},
        {"weights": "ab"},
        {"seconds": -1.0},
        {"steps": None},
        {"steps": "2500"},
        {"skill_by_chain": [[0.5] * 32] * 15 + [[0.5] * 31]},
        {"machine": "a\0b"},
        {"unknown": 1},
    ],
)
def test_what_is_no_reproduction_is_refused(board, flagged, wrong):
    answer = posted(board, flagged, 12.0, **wrong)
    assert (answer.status_code, answer.json["code"]) == (422, "reproduction_invalid")


def test_only_a_scored_entry_can_be_reproduced(board):
    number = board.submit("waiting").json["id"]
    assert posted(board, number, 12.0).json["code"] == "not_scored"


def test_the_front_is_what_was_learned_under_watch(board, flagged):
    def front(name):
        number = board.submit(name, values=77).json["evaluation_id"]
        lease, claim = board.claim(number)
        board.tell(number, "failure", lease, json={"reason": "exited"})
        return claim["front"]

    # An author's word moves nothing.
    assert front("first") == []
    board.judged("reference", 8.0, 3, headers=board.reference)
    size = board.get("/api/v1/board").json["entries"][-1]["bytes"]
    ((_, octaves),) = front("second")
    assert octaves == pytest.approx(8.0, abs=0.2)
    posted(board, flagged, 11.9)
    ((bytes_, octaves),) = front("third")
    assert octaves == pytest.approx(11.9, abs=0.2)
    assert bytes_ == pytest.approx(size, rel=0.2)
    assert not posted(board, flagged, 5.0).json["agrees"]
    ((_, octaves),) = front("fourth")
    assert octaves == pytest.approx(8.0, abs=0.2)


MODEL = """
from torch import nn

def build(i, o):
    return nn.Sequential(nn.Linear(i, 16), nn.GELU(), nn.Linear(16, o))
"""
RECIPE = "steps = 60\nbatch = 256\nlearning_rate = 0.01\ndeepest = 2\n"


@pytest.mark.sandbox
def test_an_operator_repeats_a_training_by_the_command(board, monkeypatch):
    monkeypatch.setattr(batches, "POOL", 8_000)
    answer = board.submit("small", model=MODEL, extra={"train.toml": RECIPE})
    lease, _ = board.claim(answer.json["evaluation_id"])
    # Handed in are weights without an octave, which any training surpasses.
    report = seed_data.report(board.season(), np.zeros((16, 32)), flagged=True)
    assert board.tell(answer.json["evaluation_id"], "report", lease, json=report).status_code == 200
    assert names(board) == []
    server = make_server("127.0.0.1", 0, board.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    token = board.worker["Authorization"].removeprefix("Bearer ")
    client = ReproductionClient(f"http://127.0.0.1:{server.server_port}", token, RetryPolicy())
    told = []
    try:
        found = reproduce(
            client,
            answer.json["id"],
            find_sandbox(allow_unconfined=False),
            SimpleNamespace(status=lambda *what: told.append(what)),
            device="cpu",
            most_seconds=500.0,
        )
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert found["agrees"]
    assert found["octaves"] > found["submitted"]
    assert found["steps"] == 60
    assert "Reproduced" in sentence(found)
    assert names(board) == ["small"]
    assert told[-1][1] <= 1.0
