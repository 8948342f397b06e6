"""Machines that judge what is known: who is asked, what is compared, who is stopped and released."""

from datetime import timedelta

import numpy as np
import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select, update

from challenge.results.worker_info import WorkerInfo
from leaderboard.cli.admin import admin
from leaderboard.db import now
from leaderboard.models import AuditRow, Canary, Evaluation, MachineRow
from leaderboard.services.metrics import DatabaseCollector
from tests.support import seed_data

NAME = "0123456789abcdef"
OTHER = "fedcba9876543210"


def introduce(board, name=NAME):
    machine = WorkerInfo(name, "bubblewrap", {}, (), machine_class="cpu", speed=1.0)
    board.client.put("/api/v1/worker/machine", json=machine.to_dict(), headers=board.worker)


def claim(board, name=NAME):
    return board.client.post(f"/api/v1/worker/claim?name={name}", headers=board.worker)


def found(board, octaves=8.0, seed=3, **changes):
    skills = seed_data.skills(octaves, seed, chains=16)
    values = seed_data.report(board.season(), skills, verdict="unjudged", **changes)
    return values | {"universality": None, "integrity": None}


def answer(board, claimed, values):
    lease = board.worker | {"X-MBC-Lease": claimed["lease"]}
    return board.client.post(f"/api/v1/worker/canaries/{claimed['canary']}", json=values, headers=lease)


@pytest.fixture
def known(board):
    """The number of a reference with figures that are an hour old, and a machine that has told of itself."""
    number = board.judged("reference one", 8.0, seed=3, headers=board.reference)
    with board.writing() as session:
        session.execute(update(Evaluation).values(finished_at=now() - timedelta(hours=2)))
    introduce(board)
    return number


def test_a_machine_judges_what_is_known_once_a_day_and_the_board_stays(board, known):
    before = board.get("/api/v1/board").json
    waiting = board.submit("waits", values=5).json["evaluation_id"]
    claimed = claim(board).json
    assert claimed["canary"] == 1
    assert claimed["season"]["name"] == board.season().name
    lease = board.worker | {"X-MBC-Lease": claimed["lease"]}
    bundle = board.get("/api/v1/worker/canaries/1/bundle", headers=lease)
    assert bundle.status_code == 200
    bundle.close()
    assert board.get("/api/v1/worker/canaries/1/bundle", headers=board.worker).status_code == 409
    # What waits goes to the same machine meanwhile: one canary at a time.
    assert claim(board).json["evaluation_id"] == waiting
    assert answer(board, claimed, {"found": found(board)}).json == {"same": True}
    assert answer(board, claimed, {"found": found(board)}).status_code == 409
    board.submit("waits too", values=6)
    assert claim(board).json["canary"] is None
    assert board.get("/api/v1/board").json["entries"] == before["entries"]
    with board.writing() as session:
        session.execute(update(Canary).values(given_at=now() - timedelta(hours=25)))
    assert claim(board).json["canary"] == 2
    assert board.get(f"/api/v1/submissions/{known}").json["status"] == "scored"


def off_in_one_octave(values):
    """Octaves in sum as known; two octaves have changed places' worth of skill."""
    table = np.array(values["skill_by_chain"])
    table[:, 0] -= 0.3
    table[:, 20] += 0.3
    return values | {"skill_by_chain": table.tolist(), "skill": table.mean(axis=0).tolist()}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda board: {"found": found(board, 7.9)}, "and 8.0"),
        (lambda board: {"found": off_in_one_octave(found(board))}, "differs by 0.3"),
        (lambda board: {"found": found(board) | {"octaves": 9.0}}, "cannot be read"),
        (lambda board: {"found": {}}, "cannot be read"),
        (lambda board: {"reason": "time_exceeded"}, "could not judge"),
    ],
)
def test_one_that_finds_something_else_is_stopped_told_of_and_released(board, known, browser, wrong, says):
    board.submit("waits", values=5)
    assert answer(board, claim(board).json, wrong(board)).json == {"same": False}
    refused = claim(board)
    assert (refused.status_code, refused.json["code"]) == (403, "machine_stopped")
    assert says in refused.json["detail"]
    assert "mbc admin release 01234567" in refused.json["help"]
    # Other machines go on.
    introduce(board, OTHER)
    assert claim(board, OTHER).status_code == 200

    registry = CollectorRegistry()
    registry.register(DatabaseCollector(board.parts.readers))
    assert "mbc_workers_stopped 1.0" in generate_latest(registry).decode()
    run = ["--data", str(board.config.data)]
    if board.config.database.startswith("postgresql"):
        run += ["--database", board.config.database]
    told = CliRunner().invoke(admin, [*run, "workers"], catch_exceptions=False).output
    assert "machine 01234567 is stopped" in told
    assert says in told

    visitor = browser(board.app)
    visitor.sign_up("operator")
    CliRunner().invoke(admin, [*run, "users", "role", "operator", "--administrator"], catch_exceptions=False)
    assert "is stopped" in visitor.get("/admin").text
    visitor.fill("/admin", f"/admin/machines/{NAME}/release")
    assert "is stopped" not in visitor.get("/admin").text
    assert claim(board).json["canary"] is not None, "it has to prove itself first"
    with board.parts.readers() as session:
        rows = [(row.action, row.subject) for row in session.scalars(select(AuditRow))]
    assert ("stop", "machine 01234567") in rows
    assert ("release", "machine 01234567") in rows


def test_a_fault_that_the_machine_owns_up_to_stops_nobody(board, known):
    claimed = claim(board).json
    assert answer(board, claimed, {"reason": "disk_full"}).json == {"same": True}
    board.submit("waits", values=5)
    assert claim(board).json["canary"] is None
    with board.writing() as session:
        session.execute(update(Canary).values(given_at=now() - timedelta(minutes=16)))
    assert claim(board).json["canary"] == 2


def test_no_canary_without_known_figures_or_where_none_are_wanted(board, known, served):
    assert claim(board, OTHER).status_code == 204, "it has not told of itself"
    with board.writing() as session:
        session.execute(update(Evaluation).values(finished_at=now()))
    assert claim(board).status_code == 204, "they are too new"
    with board.writing() as session:
        session.execute(update(Evaluation).values(finished_at=now() - timedelta(hours=2)))
    app = served(canary_hours=0)
    assert (
        app.test_client().post(f"/api/v1/worker/claim?name={NAME}", headers=board.worker).status_code == 204
    )
    assert claim(board).json["canary"] == 1


def test_a_stopped_machine_is_not_forgotten_and_a_wrong_name_releases_nobody(board, known):
    answer(board, claim(board).json, {"found": found(board, 7.0)})
    with board.writing() as session:
        session.execute(update(MachineRow).values(seen_at=now() - timedelta(days=40)))
    introduce(board, OTHER)
    assert claim(board).status_code == 403
    for prefix in ("", "012", "ffff"):
        ran = CliRunner().invoke(admin, ["--data", str(board.config.data), "release", prefix])
        assert ran.exit_code != 0, prefix
    assert claim(board).status_code == 403


def test_the_speed_of_a_machine_comes_with_its_results(board, browser):
    number = board.submit("one").json["evaluation_id"]
    lease, _ = board.claim(number)
    board.tell(number, "report", lease | {"X-MBC-Speed": "0.4"}, json=board.report(8.0))
    with board.parts.readers() as session:
        assert session.get(Evaluation, number).speed == 0.4
    run = ["--data", str(board.config.data)]
    assert "speed 0.4" in CliRunner().invoke(admin, [*run, "verdicts"], catch_exceptions=False).output
    visitor = browser(board.app)
    visitor.sign_up("operator")
    CliRunner().invoke(admin, [*run, "users", "role", "operator", "--administrator"], catch_exceptions=False)
    assert "0.4, slow" in visitor.get("/admin").text
    # The same report again, from a worker that says nothing or nonsense, changes nothing.
    for speed in ("", "fast", "nan", "-1"):
        board.tell(number, "report", lease | {"X-MBC-Speed": speed}, json=board.report(8.0))
    with board.parts.readers() as session:
        assert session.get(Evaluation, number).speed == 0.4
