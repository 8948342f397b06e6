"""What workers say of their machines and the rules tell of judging: that it is there, and true."""

import dataclasses
import html
import re
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update

from challenge.results.worker_info import LimitInForce, WorkerInfo
from evaluator.probes import capacity, consistency, dose, plasticity, scramble, twin
from evaluator.sandbox import find_sandbox
from evaluator.sandbox.limits import Limits, in_force
from leaderboard.db import now
from leaderboard.models import Evaluation, MachineRow
from leaderboard.services import machines
from leaderboard.services.metrics import DatabaseCollector

MACHINE = WorkerInfo(
    "m1",
    "bubblewrap, cgroup v2, uid 64123, seccomp",
    {"network": "none", "memory": "<b>much</b>"},
    (LimitInForce("load_seconds", "30 s", "Loading.", "time_exceeded"),),
)


def introduce(board, machine, headers=None):
    values = machine.to_dict() if isinstance(machine, WorkerInfo) else machine
    return board.client.put("/api/v1/worker/machine", json=values, headers=headers or board.worker)


def test_a_rules_page_without_evaluators_says_so(board):
    page = board.get("/rules").text
    assert "No evaluator has reported" in page


def test_what_is_in_force_is_on_the_rules(board):
    assert introduce(board, MACHINE).json == {"noted": True}
    page = board.get("/rules").text
    assert MACHINE.sandbox in page
    assert "&lt;b&gt;much&lt;/b&gt;" in page
    assert "<b>much" not in page
    assert 'href="#time_exceeded"' in page
    assert "No evaluator has reported" not in page


def test_the_same_machine_again_is_one_and_alike_ones_stand_together(board):
    for name in ("m1", "m1", "m2"):
        introduce(board, dataclasses.replace(MACHINE, name=name))
    introduce(board, dataclasses.replace(MACHINE, name="m3", sandbox="bubblewrap, no cgroup"))
    page = board.get("/rules").text
    assert page.count(MACHINE.sandbox) == 1
    assert "2 evaluators" in page
    assert "bubblewrap, no cgroup" in page


def test_a_slow_machine_is_seen_among_those_that_are_alike(board):
    for name, speed, kind in (("m1", 0.0, "cpu"), ("m2", 0.4, "cpu"), ("m3", 1.1, "cpu"), ("m4", 2.0, "gpu")):
        introduce(board, dataclasses.replace(MACHINE, name=name, speed=speed, machine_class=kind))
    introduce(board, dataclasses.replace(WorkerInfo.of_idle("m5", "no sandbox"), speed=0.1))
    with board.parts.readers() as session:
        told = {one.machine.machine_class: (one.count, one.speeds) for one in machines.seen(session)}
        least = machines.least_speeds(session, now() - timedelta(minutes=1))
        nobody = machines.least_speeds(session, now())
    assert told == {"cpu": (3, "0.4 to 1.1"), "gpu": (1, "2")}
    assert least == {"cpu": 0.4, "gpu": 2.0}
    assert nobody == {}
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(board.parts.readers))
    assert registry.get_sample_value("mbc_worker_speed_least", {"machine": "cpu"}) == 0.4


def test_only_workers_may_say_so(board):
    assert introduce(board, MACHINE, board.user).status_code == 403
    assert board.client.put("/api/v1/worker/machine", json=MACHINE.to_dict()).status_code == 401


@pytest.mark.parametrize(
    "values",
    [
        7,
        [],
        {},
        MACHINE.to_dict() | {"more": 1},
        MACHINE.to_dict() | {"sandbox": 7},
        MACHINE.to_dict() | {"name": "x" * 65},
        MACHINE.to_dict() | {"in_force": {str(n): "" for n in range(41)}},
        MACHINE.to_dict() | {"limits": [{"name": "x"}]},
    ],
)
def test_what_describes_no_machine_is_refused(board, values):
    answer = introduce(board, values)
    assert (answer.status_code, answer.json["code"]) == (422, "machine_invalid")


@pytest.mark.sandbox
def test_what_a_worker_says_of_itself_is_taken(board):
    sandbox, limits = find_sandbox(allow_unconfined=False), Limits()
    machine = WorkerInfo("here", sandbox.name, sandbox.describe(limits), limits.explain())
    assert {limit.name for limit in machine.limits} == set(in_force())
    assert introduce(board, machine).status_code == 200
    assert "8 GiB" in board.get("/rules").text


def test_thresholds_of_the_rules_are_those_of_the_probes(board):
    page = html.unescape(board.get("/rules").text)
    rows = dict(re.findall(r"<tr><td>([^<]+)</td><td>[^<]+</td><td>([^<]+)</td><td><span", page))
    assert rows == {
        "same machine": "no number differs",
        "consistency": f"{consistency.THRESHOLD:g}",
        "scramble": f"{scramble.REJECTED:g}; flagged above {scramble.FLAGGED:g}",
        "twin": f"{twin.MARGIN:g} of skill",
        "plasticity": {0.5: "half of a fresh model\N{RIGHT SINGLE QUOTATION MARK}s"}[plasticity.SHARE],
        "capacity": f"{capacity.ABOVE:g} octave",
        "dose": f"{dose.LEAST_KEPT:g}",
    }


def test_how_to_check_a_season_works_as_it_stands_there(board, capsys):
    page = html.unescape(board.get("/rules").text)
    (code,) = re.findall(r'<pre class="verify"[^>]*><code>(.*?)</code></pre>', page, re.DOTALL)
    # As it stands it takes seconds; what is perfect is perfect in one chain too.
    small = re.sub(r"EvaluationSize\([^)]*\)", "EvaluationSize(1, 3, 16)", code)
    assert small != code
    exec(small, {"model": _truth})
    assert float(capsys.readouterr().out) == pytest.approx(3.0, abs=1e-9)


def _truth(x):
    from challenge import target

    return target(x * 2 + [-0.75, 0])


REFUSAL = "bubblewrap is not installed: `apt-get install bubblewrap`. <b>Landlock</b> is not there."


def test_the_board_says_that_no_evaluator_can_judge_and_why(board):
    assert board.get("/api/v1/board").json["absence"] == ""
    introduce(board, WorkerInfo.of_idle("m1", REFUSAL))
    sentence = f"No evaluator can judge on this machine: {REFUSAL}"
    assert board.get("/api/v1/board").json["absence"] == sentence
    assert board.get("/readyz").text == f"ok\n{sentence}\n"
    for path in ("/", "/?part=1", "/rules"):
        page = board.get(path).text
        assert "<code>apt-get install bubblewrap</code>. &lt;b&gt;Landlock" in page, path
    # A machine that cannot judge has nothing in force.
    assert "No evaluator has reported" in page
    introduce(board, MACHINE)
    assert board.get("/api/v1/board").json["absence"] == ""
    assert "cannot judge" not in board.get("/").text


def test_entries_that_wait_for_nobody_are_explained(board):
    board.submit()
    assert board.get("/api/v1/board").json["absence"] == ""
    age(board, Evaluation, "queued_at", timedelta(minutes=2))
    assert "No evaluator has reported to this board" in board.get("/api/v1/board").json["absence"]
    introduce(board, MACHINE)
    # It was just heard of.
    assert board.get("/api/v1/board").json["absence"] == ""
    age(board, MachineRow, "seen_at", timedelta(minutes=10))
    assert "the last one was heard of on 20" in board.get("/api/v1/board").json["absence"]
    introduce(board, WorkerInfo.of_idle("m2", REFUSAL))
    assert "No evaluator can judge" in board.get("/api/v1/board").json["absence"]
    claim = board.client.post("/api/v1/worker/claim", headers=board.worker)
    assert claim.status_code == 200
    assert board.get("/api/v1/board").json["absence"] == ""


def age(board, kind, column, by):
    """Move a moment of every row into the past."""
    with board.writing() as session:
        session.execute(update(kind).values({column: now() - by}))
