import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from leaderboard import clock, db
from leaderboard.clock import monotonic_utcnow
from leaderboard.models import Evaluation, Token
from leaderboard.serve.lease_reaper import reap_once
from leaderboard.services import evaluations, lease_recovery, leases, queue_order
from leaderboard.services.election import Election


class Wire:
    """A queue that remembers how many wake-ups of processors it was asked to hold."""

    def __init__(self):
        self.wanted = []

    def top_up(self, wanted, machine):
        if machine == "cpu":
            self.wanted.append(wanted)
        return True


@pytest.fixture
def wire():
    return Wire()


def sweep(board, wire):
    return reap_once(board.parts.writers, wire, board.config)


def later(board, monkeypatch, seconds):
    moment = monotonic_utcnow() + timedelta(seconds=seconds)
    for module in (evaluations, leases, lease_recovery, queue_order):
        monkeypatch.setattr(module, "monotonic_utcnow", lambda: moment)


def test_a_lease_that_runs_out_is_given_to_another_and_the_late_worker_is_refused(board, wire, monkeypatch):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    assert sweep(board, wire) == []
    later(board, monkeypatch, board.config.lease_seconds + 1)
    assert sweep(board, wire) == [made["evaluation_id"]]
    assert board.get("/api/v1/submissions/1").json["status"] == "queued"
    assert board.tell(made["evaluation_id"], "report", lease, json=board.report()).status_code == 409
    _, claim = board.claim(made["evaluation_id"])
    assert claim["attempt"] == 2


def test_every_word_renews_the_lease(board, wire, monkeypatch):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    for step in range(1, 4):
        later(board, monkeypatch, step * (board.config.lease_seconds - 1))
        assert (
            board.tell(made["evaluation_id"], "status", lease, json={"status": "probing"}).status_code == 200
        )
        assert sweep(board, wire) == []
    assert board.tell(made["evaluation_id"], "report", lease, json=board.report()).status_code == 200


def test_a_late_word_counts_while_nobody_else_has_it(board, monkeypatch):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    later(board, monkeypatch, board.config.lease_seconds + 60)
    assert board.tell(made["evaluation_id"], "report", lease, json=board.report()).json["status"] == "scored"


def test_a_submission_on_which_every_worker_dies_comes_to_an_end(board, wire, monkeypatch):
    made = board.submit().json
    for attempt in range(1, board.config.attempts + 1):
        board.claim(made["evaluation_id"])
        later(board, monkeypatch, attempt * (board.config.lease_seconds + 1))
        sweep(board, wire)
    seen = board.get("/api/v1/submissions/1").json
    assert (seen["status"], seen["fault"], seen["reason"]) == ("failed", "platform", "internal")
    later(board, monkeypatch, 100_000)
    assert sweep(board, wire) == []


def test_as_many_workers_are_woken_as_can_claim(board, wire, monkeypatch):
    first = board.submit("first").json["evaluation_id"]
    board.submit("second")
    sweep(board, wire)
    assert wire.wanted == [2]
    board.claim(first)
    sweep(board, wire)
    assert wire.wanted == [2, 1]
    board.claim_next()
    sweep(board, wire)
    # Nothing waits: nobody is woken.
    assert wire.wanted == [2, 1]


def test_a_broker_that_is_down_delays_and_loses_nothing(board, wire, monkeypatch):
    board.parts.queue.close()
    monkeypatch.setattr(type(board.parts.queue), "wake", lambda _self: False)
    made = board.submit()
    assert made.status_code == 201
    sweep(board, wire)
    assert wire.wanted == [1]
    assert board.claim_next()["evaluation_id"] == made.json["evaluation_id"]


def test_our_failure_waits_before_it_is_tried_again(board, wire, monkeypatch):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    board.tell(made["evaluation_id"], "failure", lease, json={"reason": "disk_full"})
    sweep(board, wire)
    assert wire.wanted == []
    assert board.claim_next() is None
    later(board, monkeypatch, board.config.sweep_seconds + 1)
    sweep(board, wire)
    assert wire.wanted == [1]
    assert board.claim_next()["attempt"] == 2


@pytest.mark.parametrize(("counted", "attempt"), [(True, 2), (False, 1)])
def test_what_a_worker_held_that_is_gone_waits_again_at_once(board, wire, counted, attempt):
    made = board.submit().json
    board.claim(made["evaluation_id"])
    with board.writing() as session:
        holder = session.query(Token).filter(Token.kind == "worker").one()
        assert lease_recovery.release_worker(session, board.config, holder.id, counted=counted) == 1
    sweep(board, wire)
    assert wire.wanted == [1]
    assert board.claim_next()["attempt"] == attempt


def test_what_a_release_does_not_touch(board):
    made = board.submit().json
    board.claim(made["evaluation_id"])
    with board.writing() as session:
        assert lease_recovery.release_worker(session, board.config, 0, counted=True) == 0
        assert session.get(Evaluation, made["evaluation_id"]).status == "validating"


DAY = 86_400


def pass_by(monkeypatch, seconds):
    monkeypatch.setattr(clock, "_BEGAN", clock._BEGAN - seconds)


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_is_set_while_the_server_runs_moves_no_lease(board, wire, monkeypatch, jump):
    made = board.submit().json["evaluation_id"]
    lease, _ = board.claim(made)

    class Jumped(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=jump)

    before = db.now()
    for module in (db, clock):
        monkeypatch.setattr(module, "datetime", Jumped)
    assert abs((db.now() - before).total_seconds() - jump) < 60
    assert sweep(board, wire) == []
    pass_by(monkeypatch, board.config.lease_seconds - 10)
    assert sweep(board, wire) == []
    assert board.tell(made, "status", lease, json={"status": "probing"}).status_code == 200
    pass_by(monkeypatch, board.config.lease_seconds - 10)
    assert sweep(board, wire) == []
    pass_by(monkeypatch, 11)
    assert sweep(board, wire) == [made]
    _, claim = board.claim(made)
    assert claim["attempt"] == 2


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_server_that_starts_after_the_clock_was_set_gives_everybody_their_time(
    board, wire, monkeypatch, jump
):
    held = board.submit("held").json["evaluation_id"]
    lease, _ = board.claim(held)
    waiting = board.submit("waiting").json["evaluation_id"]
    # What the next process reads as it starts.
    monkeypatch.setattr(clock, "_EPOCH", clock._EPOCH + timedelta(seconds=jump))
    with board.writing() as session:
        lease_recovery.renew_all(session, board.config)
    assert sweep(board, wire) == []
    assert board.claim_next()["evaluation_id"] == waiting
    assert board.tell(held, "status", lease, json={"status": "probing"}).status_code == 200
    pass_by(monkeypatch, board.config.lease_seconds + 1)
    assert held in sweep(board, wire)


def test_a_database_that_is_locked_is_said_and_tried_again(board, monkeypatch):
    if "sqlite" not in board.config.database:
        pytest.skip("only SQLite has one lock for all")
    made = board.submit().json["evaluation_id"]
    engine = board.parts.writers.kw["bind"]
    engine.dispose()
    monkeypatch.setattr(db, "_BUSY_MILLISECONDS", 50)
    with closing(sqlite3.connect(board.config.data / "leaderboard.sqlite")) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        answer = board.client.post(f"/api/v1/worker/evaluations/{made}/claim", headers=board.worker)
        assert (answer.status_code, answer.json["code"]) == (503, "database_busy")
        assert answer.headers["Retry-After"] == "5"
        other.execute("ROLLBACK")
    board.claim(made)


def test_one_server_is_elected_and_another_one_when_it_is_gone(config):
    if config.database.startswith("sqlite"):
        pytest.skip("needs PostgreSQL: MBC_TEST_DATABASE")
    engines = [db.make_engine(config.database) for _ in range(2)]
    one, other = map(Election, engines)
    try:
        assert (one.won(), other.won(), one.won()) == (True, False, True)
        one.resign()
        assert (other.won(), one.won()) == (True, False)
        with engines[0].connect() as connection:
            # As if its machine had lost the network.
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks "
                    "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                )
            )
        assert one.won()
        with pytest.raises(SQLAlchemyError):
            other.won()
        assert not other.won()
    finally:
        for election, engine in zip((one, other), engines, strict=True):
            election.resign()
            engine.dispose()


def test_the_only_server_on_sqlite_is_elected(tmp_path):
    engine = db.make_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    assert Election(engine).won()
    engine.dispose()
