"""Boards that give a verdict to everybody's best entries, and to others when they ask for it."""

import dataclasses
import json

import pytest

from challenge.commands.client import SubmissionStatus
from challenge.commands.submissions import _lines
from challenge.scoring.tracks import Track
from leaderboard.models import Evaluation
from leaderboard.services import deferral, quotas, seasons, tokens
from tests.leaderboard.conftest import Browser
from tests.leaderboard.test_stages import entries, finish, octaves_of


@pytest.fixture
def config(config):
    return dataclasses.replace(config, certify="best")


def measured(board, name, octaves, *, headers=None, values=None, track="open"):
    """Hand in, and do the first stage; the submission's number, and whether the worker goes on."""
    answer = board.submit(name, headers=headers, values=values or round(10 * octaves), track=track).json
    lease, _ = board.claim(answer["evaluation_id"])
    taken = finish(board, answer["evaluation_id"], lease, "octaves", octaves_of(board, octaves))
    assert taken.status_code == 200, taken.text
    return answer, lease, taken.json["go_on"]


def status(board, number, track="open"):
    return board.get(f"/api/v1/submissions/{number}", query_string={"track": track}).json


def test_which_entries_get_a_verdict_by_themselves(board):
    """In this order: whose, octaves, and whether the later stages follow without being asked."""
    table = [
        ("ada", 5.0, True),
        ("ada", 4.0, False),
        ("eve", 3.0, True),
        ("ada", 6.0, True),
        ("ada", 5.5, False),
        ("reference", 2.0, True),
        ("reference", 1.0, True),
    ]
    headers = {"ada": board.user, "eve": board.stranger, "reference": board.reference}
    for index, (who, octaves, wanted) in enumerate(table):
        answer, lease, go_on = measured(board, f"{who} {index}", octaves, headers=headers[who])
        assert go_on is wanted, (who, octaves)
        state = status(board, answer["id"])
        assert (state["deferred"], state["final"], state["provisional"]) == (not wanted, not wanted, True)
        if wanted:
            done = board.tell(answer["evaluation_id"], "report", lease, json=board.report(octaves))
            assert done.json["status"] == "scored", done.text
    # Nothing waits, takes a place of the quota, or keeps the season's secret from being published.
    assert board.claim_next() is None
    with board.parts.readers() as session:
        assert seasons.waiting(session, seasons.current_season(session)) == 0


def test_what_is_deferred_is_told_in_words_and_judged_on_request(board):
    first, lease, _ = measured(board, "good", 6.0)
    board.tell(first["evaluation_id"], "report", lease, json=board.report(6.0))
    answer, lease, go_on = measured(board, "lesser", 4.0)
    number, evaluation = answer["id"], answer["evaluation_id"]
    assert go_on is False
    state = status(board, number)
    assert state["queue_position"] is None
    assert f"mbc certify {number}" in state["message"]
    lines = _lines(SubmissionStatus(state))
    assert lines[0].endswith("not certified")
    assert state["message"] in lines[1]
    assert "Not certified" in board.get(f"/submissions/{number}").text
    # It does not crowd the board of everybody's best, nor what is being judged.
    assert [one["name"] for one in entries(board)] == ["good"]
    everything = board.get("/api/v1/board", query_string={"entries": "all"}).json
    assert [(one["name"], one["deferred"]) for one in everything["entries"]] == [
        ("good", False), ("lesser", True),
    ]  # fmt: skip
    assert everything["pending"] == []
    assert "not certified" in board.get("/?entries=all").text
    assert (
        board.client.post(f"/api/v1/worker/evaluations/{evaluation}/claim", headers=board.worker).status_code
        == 409
    )

    path = f"/api/v1/submissions/{number}/certify"
    assert board.client.post(path, headers=board.stranger).status_code == 403
    asked = board.client.post(path, headers=board.user)
    assert (asked.status_code, asked.json["deferred"], asked.json["queue_position"]) == (200, False, 1)
    again = board.client.post(path, headers=board.user)
    assert (again.status_code, again.json["code"]) == (409, "not_deferred")
    claim = board.claim_next()
    assert (claim["evaluation_id"], claim["stages"].keys()) == (evaluation, {"octaves"})
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    assert board.tell(evaluation, "report", lease, json=board.report(4.0)).json["status"] == "scored"


def test_the_next_best_is_judged_when_the_best_does_not_pass(board):
    first, lease, _ = measured(board, "cheat", 6.0)
    lesser, _, go_on = measured(board, "honest", 4.0)
    least, _, _ = measured(board, "older", 3.0)
    assert go_on is False
    rejected = board.report(6.0, verdict="rejected", sentence="It is a formula.", universal=False)
    assert board.tell(first["evaluation_id"], "report", lease, json=rejected).json["status"] == "rejected"
    assert status(board, lesser["id"])["deferred"] is False
    assert status(board, least["id"])["deferred"] is True
    assert board.claim_next()["evaluation_id"] == lesser["evaluation_id"]


def test_beside_the_open_track_the_samples_track_is_on_request(board):
    both = board.submit("both", track="both").json
    assert [one["deferred"] for one in both["evaluations"]] == [False, True]
    assert "--track samples" in status(board, both["id"], "samples")["message"]
    alone = board.submit("alone", track="samples", values=9).json
    assert [one["deferred"] for one in alone["evaluations"]] == [False]
    reference = board.submit("mark", track="both", headers=board.reference, values=11).json
    assert [one["deferred"] for one in reference["evaluations"]] == [False, False]
    path = f"/api/v1/submissions/{both['id']}/certify"
    asked = board.client.post(path, headers=board.user, query_string={"track": "samples"})
    assert (asked.json["track"], asked.json["deferred"]) == ("samples", False)


def test_who_has_too_much_waiting_asks_later_and_an_administrator_goes_on_with_it(board, config):
    measured(board, "good", 6.0)
    lesser, _, _ = measured(board, "lesser", 4.0)
    with board.writing() as session:
        evaluation = session.get(Evaluation, lesser["evaluation_id"])
        full = dataclasses.replace(config, hand_ins_waiting=1)
        with pytest.raises(Exception, match="wait or are being judged"):
            deferral.request(session, full, evaluation.submission)
        assert quotas.quota(session, config, evaluation.submission.user).waiting == 1
        found = deferral.release(session, evaluation.submission, evaluation.season, Track.OPEN)
        assert found is evaluation
        assert not evaluation.deferred


def test_the_owner_asks_with_a_button(board):
    browser = Browser(board.app)
    browser.sign_up("grace")
    with board.writing() as session:
        token = tokens.new_token(session, tokens.find_user(session, "grace"))
    headers = {"Authorization": f"Bearer {token}"}
    measured(board, "good", 6.0, headers=headers)
    number = measured(board, "lesser", 4.0, headers=headers)[0]["id"]
    action = f"/account/entries/{number}/certify"
    assert action not in board.get(f"/submissions/{number}").text
    assert browser.fill(f"/submissions/{number}", action).status_code == 303
    assert status(board, number)["deferred"] is False


def test_a_board_with_another_word_for_it_does_not_start(tmp_path, monkeypatch):
    from challenge.util.exit_codes import SettingError
    from leaderboard.config import Config

    monkeypatch.setenv("MBC_BOARD_CERTIFY", "some")
    with pytest.raises(SettingError, match="MBC_BOARD_CERTIFY must be 'best' or 'all', not 'some'"):
        Config.make(tmp_path)
    monkeypatch.setenv("MBC_BOARD_CERTIFY", "best")
    assert json.loads(Config.make(tmp_path).to_json())["certify"] == "best"
