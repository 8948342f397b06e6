import io
import json

import pytest
from PIL import Image, PngImagePlugin

from leaderboard.services import seasons


def png(size=(8, 8), **text):
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 90)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@pytest.fixture
def claimed(board):
    evaluation = board.submit().json["evaluation_id"]
    lease, claim = board.claim(evaluation)
    return evaluation, lease, claim


def status(board):
    return board.get("/api/v1/submissions/1").json


def test_a_claim_brings_lease_season_and_bundle(board, claimed):
    evaluation, lease, claim = claimed
    season = board.season()
    assert claim["season"] == {
        "name": "season-1",
        "secret": season.secret.hex(),
        "size": {"chains": 16, "octaves": 32, "points": 8},
    }
    assert claim["attempt"] == 1
    with board.get(f"/api/v1/worker/evaluations/{evaluation}/bundle", headers=lease) as answer:
        assert answer.data == next((board.config.data / "bundles").rglob("*.zip")).read_bytes()


def test_a_second_claim_is_refused_while_the_lease_lives(board, claimed):
    evaluation = claimed[0]
    answer = board.client.post(f"/api/v1/worker/evaluations/{evaluation}/claim", headers=board.worker)
    assert (answer.status_code, answer.json["code"]) == (409, "leased")
    assert board.client.post("/api/v1/worker/evaluations/99/claim", headers=board.worker).status_code == 404


def test_status_is_shown(board, claimed):
    evaluation, lease, _ = claimed
    sent = {"status": "refitting", "progress": 0.25, "message": "Fitting digits."}
    assert board.tell(evaluation, "status", lease, json=sent).status_code == 200
    seen = status(board)
    assert {key: seen[key] for key in sent} == sent
    assert board.get("/api/v1/board").json["pending"][0]["progress"] == 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "scored"},
        {"status": "queued"},
        {"status": "dancing"},
        {},
        [],
        {"status": "probing", "progress": "x"},
    ],
)
def test_a_worker_cannot_set_just_any_status(board, claimed, wrong):
    evaluation, lease, _ = claimed
    assert board.tell(evaluation, "status", lease, json=wrong).status_code == 422
    assert status(board)["status"] == "validating"


@pytest.mark.parametrize("what", ["status", "report", "failure"])
def test_without_the_lease_nothing_can_be_said(board, claimed, what):
    evaluation, _, _ = claimed
    body = {"status": {"status": "probing"}, "report": board.report(), "failure": {"reason": "exited"}}[what]
    for lease in (board.worker, board.worker | {"X-MBC-Lease": "guessed"}):
        answer = board.tell(evaluation, what, lease, json=body)
        assert (answer.status_code, answer.json["code"]) == (409, "lease_lost")
    assert status(board)["status"] == "validating"


def test_a_report_makes_it_scored_and_the_same_again_changes_nothing(board, claimed):
    evaluation, lease, _ = claimed
    report = board.report(8.0)
    assert board.tell(evaluation, "report", lease, json=report).json["status"] == "scored"
    before = board.get("/api/v1/board").json
    assert board.tell(evaluation, "report", lease, json=report).status_code == 200
    # Also from a worker that restarted and lost its lease.
    assert board.tell(evaluation, "report", board.worker, json=report).status_code == 200
    assert board.get("/api/v1/board").json == before
    other = board.tell(evaluation, "report", lease, json=board.report(9.0))
    assert (other.status_code, other.json["code"]) == (409, "final")
    assert board.get("/api/v1/board").json == before
    assert before["entries"][0]["octaves"] == round(report["octaves"], 2)


def test_figures_keep_their_full_precision(board, claimed):
    evaluation, lease, _ = claimed
    report = board.report(7.123456789)
    board.tell(evaluation, "report", lease, json=report)
    name = board.season().name
    assert status(board)["octaves"] == round(report["octaves"], 2)
    # Stored in full, and shown so when the season has ended.
    with board.writing() as session:
        seasons.close_season(session, name)
    seen = status(board)
    assert seen["octaves"] == report["octaves"]
    assert seen["interval"] == report["interval"]


@pytest.mark.parametrize(
    "change",
    [
        {"octaves": 31.0},
        {"season": "another"},
        {"commitment": "0" * 64},
        {"skill_by_chain": [[0.5] * 32] * 3},
        {"verdict": "wonderful"},
        {"version": 2},
        {"surprise": 1},
        {"skill": None},
    ],
)
def test_a_report_that_does_not_fit_is_422(board, claimed, change):
    evaluation, lease, _ = claimed
    answer = board.tell(evaluation, "report", lease, json=board.report() | change)
    assert (answer.status_code, answer.json["code"]) == (422, "report_invalid")
    assert status(board)["status"] == "validating"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_never_enters(board, claimed, number):
    evaluation, lease, _ = claimed
    text = json.dumps(board.report() | {"precision_db": "here"}).replace('"here"', number)
    answer = board.tell(evaluation, "report", lease, data=text)
    assert answer.status_code == 422
    for path in ("/api/v1/board", "/api/v1/submissions/1"):
        assert "NaN" not in board.get(path).text
        assert "Infinity" not in board.get(path).text


def test_a_rejected_one_shows_figures_and_sentence_and_does_not_rank(board, claimed):
    evaluation, lease, _ = claimed
    why = "2 of 4 controls stayed below their bars."
    board.tell(
        evaluation, "report", lease, json=board.report(9.0, verdict="rejected", universal=False, sentence=why)
    )
    seen = board.get("/api/v1/board").json
    assert seen["entries"] == []
    assert seen["unranked"][0]["sentence"] == why
    assert seen["unranked"][0]["octaves"] > 8
    assert status(board)["status"] == "rejected"


def test_the_submissions_fault_is_final_and_the_same_failure_again_changes_nothing(board, claimed):
    evaluation, lease, _ = claimed
    failure = {"reason": "output_shape", "detail": "It returned (5,)."}
    for _ in range(2):
        assert board.tell(evaluation, "failure", lease, json=failure).json["status"] == "failed"
    seen = status(board)
    assert (seen["reason"], seen["fault"]) == ("output_shape", "submission")
    assert seen["sentence"].endswith("It returned (5,).")


@pytest.mark.parametrize("reason", ["disk_full", "internal", "something new"])
def test_our_fault_is_tried_three_times(board, claimed, reason):
    used = board.get("/api/v1/limits", headers=board.user).json["quota"]["used_today"]
    assert used == 1
    evaluation, lease, _ = claimed
    for attempt in (1, 2):
        assert board.tell(evaluation, "failure", lease, json={"reason": reason}).json["status"] == "queued"
        # The old lease is worth nothing now.
        assert board.tell(evaluation, "status", lease, json={"status": "probing"}).status_code == 409
        lease, claim = board.claim(evaluation)
        assert claim["attempt"] == attempt + 1
    assert board.tell(evaluation, "failure", lease, json={"reason": reason}).json["status"] == "failed"
    assert status(board)["fault"] == "platform"
    quota = board.get("/api/v1/limits", headers=board.user).json["quota"]
    if reason == "disk_full":
        # It may be handed in again, for it was never judged, and it cost nothing.
        assert quota["used_today"] == 0
        assert board.submit().status_code == 201
    else:
        # What the judge fails on every time is stopped, or it could be sent for ever at no cost.
        assert quota["used_today"] == 1
        assert "an administrator can start it again" in status(board)["sentence"]
        assert board.submit().status_code == 200
        assert status(board)["status"] == "failed"


def test_pictures_are_written_anew(board, claimed):
    evaluation, lease, _ = claimed
    path = f"/api/v1/worker/evaluations/{evaluation}/artifacts/spiral/07/model.png"
    for _ in range(2):
        assert (
            board.client.put(path, data=png(Comment="<script>alert(1)</script>"), headers=lease).status_code
            == 200
        )
    with board.get(f"/evaluations/{evaluation}/spiral/07/model.png") as answer:
        assert answer.mimetype == "image/png"
        assert b"script" not in answer.data
        assert Image.open(io.BytesIO(answer.data)).size == (8, 8)
        assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    [
        "../../x.png",
        "spiral/7/model.png",
        "spiral/07/model.svg",
        "Spiral/07/model.png",
        "spiral/07/..%2Fmodel.png",
    ],
)
def test_a_picture_with_another_name_is_refused(board, claimed, name):
    evaluation, lease, _ = claimed
    answer = board.client.put(
        f"/api/v1/worker/evaluations/{evaluation}/artifacts/{name}", data=png(), headers=lease
    )
    assert answer.status_code in {404, 405, 422}
    assert not (board.config.data / "artifacts").exists()


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg onload=alert(1)>", png()[:40], png((1025, 4))])
def test_what_is_no_picture_is_refused(board, claimed, content):
    evaluation, lease, _ = claimed
    path = f"/api/v1/worker/evaluations/{evaluation}/artifacts/spiral/07/model.png"
    assert board.client.put(path, data=content, headers=lease).status_code == 422
    assert not (board.config.data / "artifacts").exists()


def test_the_deepest_sharp_picture_stands_for_the_entry(board, claimed):
    evaluation, lease, _ = claimed
    for octave in (3, 5, 7, 12):
        path = f"/api/v1/worker/evaluations/{evaluation}/artifacts/seahorse-valley/{octave:02d}/model.png"
        board.client.put(path, data=png(), headers=lease)
    board.tell(evaluation, "report", lease, json=board.report(8.0))
    assert f"/evaluations/{evaluation}/seahorse-valley/05/model.png" in board.get("/").text
