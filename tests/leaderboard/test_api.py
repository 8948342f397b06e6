import io
import json
import zipfile

import pytest

from challenge.results.verdicts import EXPLANATIONS, Reason
from leaderboard.services import seasons
from tests.support import seed_data


def test_a_bundle_is_taken_stored_and_queued(board):
    answer = board.submit("first", author="Ada", method="fourier")
    assert answer.status_code == 201
    assert answer.json["status"] == "queued"
    assert answer.json["queue_position"] == 1
    assert answer.json["url"].endswith(f"/submissions/{answer.json['id']}")
    assert len(list((board.config.data / "bundles").rglob("*.zip"))) == 1
    assert board.get(f"/api/v1/submissions/{answer.json['id']}").json == answer.json


def test_the_same_bundle_of_the_same_person_is_judged_once(board):
    first = board.submit("first")
    again = board.submit("first")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert board.submit("first", headers=board.stranger).json["id"] != first.json["id"]
    assert len(list((board.config.data / "bundles").rglob("*.zip"))) == 1


def test_a_cancelled_bundle_may_come_again_and_one_that_failed_by_itself_may_not(board):
    first = board.submit("first").json
    board.client.post(f"/api/v1/submissions/{first['id']}/cancel", headers=board.user)
    again = board.submit("first")
    assert again.status_code == 201
    assert again.json["id"] == first["id"]
    assert again.json["evaluation_id"] != first["evaluation_id"]
    lease, _ = board.claim(again.json["evaluation_id"])
    board.tell(again.json["evaluation_id"], "failure", lease, json={"reason": "exited", "detail": ""})
    third = board.submit("first")
    assert third.status_code == 200
    assert third.json["status"] == "failed"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer mbc_wrong"}, {"Authorization": "Basic x"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/submissions"),
        ("GET", "/api/v1/whoami"),
        ("POST", "/api/v1/worker/evaluations/1/claim"),
        ("PUT", "/api/v1/worker/evaluations/1/artifacts/spiral/01/model.png"),
    ],
)
def test_a_wrong_token_is_401(board, headers, method, path):
    answer = board.client.open(path, method=method, headers=headers)
    assert answer.status_code == 401
    assert answer.json["code"].startswith("token_")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_each_kind_of_token_opens_its_own_door_only(board):
    board.submit()
    assert board.client.post("/api/v1/worker/evaluations/1/claim", headers=board.user).status_code == 403
    assert board.submit(headers=board.worker).status_code == 403


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return buffer.getvalue()


def test_refused_bundles_are_422_with_their_reason_and_leave_nothing(board):
    good = seed_data.bundle_bytes
    cases = {
        "archive_unreadable": b"no zip at all",
        "archive_member_refused": good(extra={"../../escape.py": "x"}),
        "file_missing": archive(**{"submission.toml": "api = 1"}),
        "manifest_invalid": good(name=""),
        "weights_invalid": good(weights=b"\xff" * 64),
        "archive_too_large": good(extra={"helper.py": b" " * 2_000_000}),
    }
    for reason, content in cases.items():
        answer = board.post_bundle(content)
        assert answer.status_code == 422, reason
        code = answer.json["code"]
        assert code == reason
        assert EXPLANATIONS[Reason(code)].sentence in answer.json["detail"]
        assert str(board.config.data) not in answer.text
    assert board.get("/api/v1/board").json["pending"] == []
    assert not list((board.config.data / "bundles").rglob("*"))
    assert not list((board.config.data / "uploads").iterdir())


def test_an_upload_that_is_too_large_is_413(board):
    board.app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = board.post_bundle(b"x" * 5000)
    assert answer.status_code == 413
    assert "larger" in answer.json["detail"]


def test_a_form_without_a_file_is_422(board):
    answer = board.client.post("/api/v1/submissions", data={"bundle": "text"}, headers=board.user)
    assert (answer.status_code, answer.json["code"]) == (422, "bundle_missing")


def test_only_the_owner_cancels_and_the_worker_learns_of_it(board):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    path = f"/api/v1/submissions/{made['id']}/cancel"
    assert board.client.post(path, headers=board.stranger).status_code == 403
    assert board.client.post(path, headers=board.user).json["status"] == "cancelled"
    assert board.client.post(path, headers=board.user).status_code == 200
    told = board.tell(made["evaluation_id"], "status", lease, json={"status": "predicting"})
    assert (told.status_code, told.json["code"]) == (409, "final")
    assert board.tell(made["evaluation_id"], "report", lease, json=board.report()).status_code == 409
    assert board.client.post("/api/v1/worker/evaluations/1/claim", headers=board.worker).status_code == 409
    assert board.get(f"/api/v1/submissions/{made['id']}").json["status"] == "cancelled"


def test_a_finished_one_cannot_be_cancelled(board):
    number = board.judged("done")
    assert board.client.post(f"/api/v1/submissions/{number}/cancel", headers=board.user).status_code == 409


def test_the_report_comes_back_as_it_was_sent_when_its_season_has_ended(board):
    made = board.submit().json
    assert board.get(f"/api/v1/submissions/{made['id']}/report").status_code == 404
    lease, _ = board.claim(made["evaluation_id"])
    report = board.report()
    board.tell(made["evaluation_id"], "report", lease, json=report)
    path, name = f"/api/v1/submissions/{made['id']}/report", board.season().name
    before = board.get(path)
    assert before.json != json.loads(json.dumps(report))
    with board.writing() as session:
        seasons.close_season(session, name)
    # What somebody has kept of the open season is not what there is now.
    after = board.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.json) == (200, json.loads(json.dumps(report)))


def test_an_open_season_keeps_its_secret_and_practice_has_none(board):
    rows = {row["name"]: row for row in board.get("/api/v1/seasons").json["seasons"]}
    assert rows["practice"]["secret"]
    assert rows["season-1"]["secret"] is None
    secret = board.season().secret.hex()
    for path in ("/api/v1/seasons", "/api/v1/board", "/rules", "/"):
        assert secret not in board.get(path).text


def test_whoami_and_limits(board):
    assert board.get("/api/v1/whoami", headers=board.user).json["name"] == "ada"
    assert board.get("/api/v1/limits").json["weight_classes"]["feather"] == 65536


def test_other_peoples_bundles_only_where_the_licence_allows_it(board):
    closed = board.submit("closed", license="all rights reserved").json["id"]
    opened = board.submit("opened", license="MIT").json["id"]
    assert board.get(f"/api/v1/submissions/{closed}/bundle", headers=board.stranger).status_code == 403
    assert board.get(f"/api/v1/submissions/{closed}/bundle").status_code == 401
    with board.get(f"/api/v1/submissions/{closed}/bundle", headers=board.user) as mine:
        assert mine.status_code == 200
    with board.get(f"/api/v1/submissions/{opened}/bundle") as anybodys:
        assert zipfile.is_zipfile(io.BytesIO(anybodys.data))


@pytest.mark.parametrize("path", ["/api/v1/submissions/99", "/api/v1/nothing", "/api/v1/board?season=none"])
def test_what_is_not_there_is_404_in_json(board, path):
    answer = board.get(path)
    assert answer.status_code == 404
    assert set(answer.json) >= {"type", "title", "status", "detail", "code"}


def test_the_wrong_method_is_405_in_json(board):
    assert board.client.delete("/api/v1/submissions/1").json["code"] in {
        "method_not_allowed",
        "not_found",
    }


def test_without_an_open_season_nothing_is_taken(board):
    with board.writing() as session:
        seasons.close_season(session, "season-1")
    answer = board.submit()
    assert (answer.status_code, answer.json["code"]) == (409, "no_season")
    assert board.get("/api/v1/board").json["season"]["state"] == "closed"
