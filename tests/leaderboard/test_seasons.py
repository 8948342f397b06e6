"""Seasons open and close by people or dates; a secret is published after the last verdict."""

from datetime import datetime, timedelta

import pytest

from leaderboard.db import now
from leaderboard.errors import Refused
from leaderboard.serve.lease_reaper import reap_once
from leaderboard.services import evaluations, seasons, submissions
from tests.support import seed_data

BEGAN = now()


@pytest.fixture
def clock(monkeypatch):
    """clock(days) lets so many days pass."""

    def move(days):
        monkeypatch.setattr(seasons, "now", lambda: BEGAN + timedelta(days=days))

    return move


def open_season(board, name, opens=None, closes=None):
    def moment(days):
        return None if days is None else BEGAN + timedelta(days=days)

    with board.writing() as session:
        return seasons.open_season(
            session, board.config, name, opens_at=moment(opens), closes_at=moment(closes)
        )


def close(board, name):
    with board.writing() as session:
        seasons.close_season(session, name)


def public(board, name):
    found = board.get("/api/v1/seasons").json["seasons"]
    return next(season for season in found if season["name"] == name)


class Wire:
    def top_up(self, wanted, machine):
        return True


def look(board):
    reap_once(board.parts.writers, Wire(), board.config)


def test_the_secret_is_published_after_the_last_verdict(board):
    made = board.submit().json["evaluation_id"]
    close(board, "season-1")
    assert public(board, "season-1")["state"] == "closed"
    assert public(board, "season-1")["secret"] is None
    look(board)
    assert public(board, "season-1")["secret"] is None
    # What was handed in is judged in the season of that moment.
    claimed = board.claim_next()
    assert claimed["evaluation_id"] == made
    with board.parts.readers() as session:
        season = seasons.find_season(session, "season-1")
    lease = board.worker | {"X-MBC-Lease": claimed["lease"]}
    report = seed_data.report(season, seed_data.skills(8.0, 1, chains=16))
    assert board.tell(made, "report", lease, json=report).status_code == 200
    look(board)
    assert public(board, "season-1")["secret"] == season.secret.hex()


def test_an_ended_season_is_frozen_and_can_be_looked_at(board):
    number = board.judged("one", 8.0, 1)
    close(board, "season-1")
    open_season(board, "season-2")
    with board.writing() as session, pytest.raises(Refused, match="is over"):
        evaluations.queue_evaluation(
            session, submissions.get(session, number), seasons.find_season(session, "season-1")
        )
    page = board.get("/api/v1/board?season=season-1").json
    assert [entry["name"] for entry in page["entries"]] == ["one"]
    assert board.get("/?season=season-1").status_code == 200


def test_a_restart_opens_no_season(board):
    close(board, "season-1")
    with board.writing() as session:
        assert seasons.ensure_seasons(session, board.config) == (None, False)
    assert [row["name"] for row in board.get("/api/v1/seasons").json["seasons"]] == ["season-1", "practice"]


def test_dates_open_and_close_seasons(board, clock):
    close(board, "season-1")
    open_season(board, "spring", opens=1, closes=3)
    assert public(board, "spring")["state"] == "scheduled"
    assert board.submit("early").json["code"] == "no_season"
    assert board.get("/api/v1/board").json["season"]["name"] == "season-1"
    clock(2)
    # At once, not at the next look of the lease reaper.
    assert board.submit("in time").json["season"] == "spring"
    clock(3)
    assert board.submit("late", values=9).json["code"] == "no_season"
    look(board)
    found = public(board, "spring")
    assert (found["state"], found["secret"]) == ("closed", None)
    assert abs(datetime.fromisoformat(found["closed_at"]) - BEGAN - timedelta(days=3)) < timedelta(seconds=2)


def test_one_season_follows_the_other_at_a_date(board, clock):
    close(board, "season-1")
    open_season(board, "spring", closes=10)
    open_season(board, "summer", opens=10)
    clock(9)
    assert board.submit("first").json["season"] == "spring"
    clock(10)
    look(board)
    assert board.submit("second", values=9).json["season"] == "summer"


@pytest.mark.parametrize(
    ("dates", "match"),
    [({"opens": 5, "closes": 4}, "after it opens"), ({"closes": -1}, "after it opens"),
     ({"opens": 5}, "at the same time"), ({}, "still open")],
)  # fmt: skip
def test_dates_that_cannot_be(board, dates, match):
    with pytest.raises(Refused, match=match):
        open_season(board, "spring", **dates)
