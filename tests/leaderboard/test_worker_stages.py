"""A real worker against a real server: stages in turn, one certificate for equal code, nothing done twice."""

import dataclasses
import os
import signal
import threading
from datetime import timedelta

import numpy as np
import pytest
import torch
from safetensors.torch import save
from sqlalchemy import select, update
from torch import nn
from werkzeug.serving import make_server

from challenge.bundle.reader import read_bundle
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import Season
from challenge.util.http import RetryPolicy
from evaluator import answers
from evaluator import worker as worker_module
from evaluator.api_client import EvaluationClient
from evaluator.assignment import Assignment
from evaluator.drain import Drain
from evaluator.judge import Evaluation
from evaluator.plan import EvaluationPlan
from evaluator.sandbox import find_sandbox
from evaluator.sandbox.limits import Limits
from evaluator.watch import Unwatched
from evaluator.worker import Worker
from leaderboard.db import now
from leaderboard.models import Canary, ReportRow
from leaderboard.models import Evaluation as Evaluated

pytestmark = pytest.mark.sandbox

STAGES = ("octaves", "certificate", "integrity", "pictures")
MODEL = """
from torch import nn

def build(i, o):
    return nn.Sequential(nn.Linear(i, 32), nn.GELU(), nn.Linear(32, o))
"""


def weights(seed):
    torch.manual_seed(seed)
    return save(nn.Sequential(nn.Linear(2, 32), nn.GELU(), nn.Linear(32, 1)).state_dict())


@pytest.fixture
def worker(board, monkeypatch):
    """A worker with one control and two probes, on a port of the board's."""
    monkeypatch.setattr(
        worker_module,
        "OPEN_PLAN",
        lambda size: EvaluationPlan(size, families=("curve",), probes=("same machine", "twin"), places=()),
    )
    server = make_server("127.0.0.1", 0, board.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    token = board.worker["Authorization"].removeprefix("Bearer ")
    client = EvaluationClient(f"http://127.0.0.1:{server.server_port}", token, RetryPolicy())
    yield Worker(client, find_sandbox(allow_unconfined=False), Limits(), "cpu")
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_first_figures_of_all_then_verdicts_with_one_certificate(board, worker, monkeypatch):
    done = []

    def noting(stage, act):
        def noted(self):
            done.append((self._task.bundle.manifest.name, stage))
            return act(self)

        return noted

    for stage in STAGES:
        monkeypatch.setattr(Evaluation, stage, noting(stage, getattr(Evaluation, stage)))
    predicted = []
    predict = answers.predict
    monkeypatch.setattr(answers, "predict", lambda *args: predicted.append(1) or predict(*args))
    ids = [
        board.submit(name, headers=headers, model=MODEL, weights=weights(seed)).json["id"]
        for seed, (name, headers) in enumerate((("one", board.user), ("two", board.stranger)))
    ]
    worker.work()
    assert done[:2] == [("one", "octaves"), ("two", "octaves")]
    assert sorted(done) == sorted((name, stage) for name in ("one", "two") for stage in STAGES)
    # The first stage's answers were kept until the probes of a later claim wanted them.
    assert len(predicted) == 2
    reports = [board.get(f"/api/v1/submissions/{number}/report").json for number in ids]
    states = [board.get(f"/api/v1/submissions/{number}").json for number in ids]
    assert all(state["final"] and state["attempt"] == 1 for state in states), states
    assert {state["status"] for state in states} <= {"scored", "rejected"}
    # The one whose later stages came first made it, the other one used it.
    source = {
        state["evaluation_id"]: report["certificate_from"]
        for state, report in zip(states, reports, strict=True)
    }
    (maker,) = [number for number, found in source.items() if found is None]
    assert set(source.values()) == {None, maker}
    assert reports[0]["universality"] == reports[1]["universality"]
    assert [probe["name"] for probe in reports[0]["integrity"]["probes"]] == ["same machine", "twin"]


def test_a_machine_that_judges_a_known_entry_otherwise_gets_no_more_work(board, worker, caplog, tmp_path):
    entry = board.submit("known", headers=board.reference, model=MODEL, weights=weights(0)).json
    lease, claimed = board.claim(entry["evaluation_id"])
    season = Season(claimed["season"]["name"], bytes.fromhex(claimed["season"]["secret"]))
    bundle = board.get(f"/api/v1/worker/evaluations/{entry['evaluation_id']}/bundle", headers=lease)
    path = tmp_path / "known.zip"
    path.write_bytes(bundle.data)
    bundle.close()
    plan = worker_module.OPEN_PLAN(EvaluationSize(**claimed["season"]["size"]))
    task = Assignment(read_bundle(path), season, worker.sandbox, plan, worker.limits, "cpu")
    known = Evaluation(task, Unwatched()).octaves().to_dict() | {"verdict": "scored"}
    assert board.tell(entry["evaluation_id"], "report", lease, json=known).status_code == 200
    with board.writing() as session:
        session.execute(update(Evaluated).values(finished_at=now() - timedelta(hours=2)))
    worker.work()
    with board.writing() as session:
        (canary,) = session.scalars(select(Canary))
        assert canary.octaves == pytest.approx(known["octaves"])
        canary.given_at = now() - timedelta(days=2)
        # As if this machine had become another one.
        session.get_one(ReportRow, entry["evaluation_id"]).skill = np.full(32, 0.25).tobytes()
    board.submit("waits", model=MODEL, weights=weights(1))
    for _ in range(3):
        worker.work()
    assert queued_state(board, 2) == ("queued", 0, [])
    told = [record.message for record in caplog.records if "This machine gets no work" in record.message]
    assert len(told) == 1
    assert "mbc admin release" in told[0]


def interrupted(stage, signals):
    """A stage of an evaluation, during which the worker gets SIGTERM so many times."""
    act = getattr(Evaluation, stage)

    def acting(self):
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGTERM)
        return act(self)

    return acting


def queued_state(board, number=1):
    state = board.get(f"/api/v1/submissions/{number}").json
    return state["status"], state["attempt"], state["stages"]


def test_a_worker_that_is_told_to_stop_finishes_its_stage_and_gives_the_rest_back(board, worker, monkeypatch):
    board.submit("one", model=MODEL, weights=weights(0))
    told = []
    handler = signal.signal(signal.SIGTERM, lambda *_: told.append("celery"))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Evaluation, "octaves", interrupted("octaves", 2))
            worker.work()
            assert queued_state(board) == ("queued", 0, [])
            # Whoever was asked to stop takes nothing else.
            worker.work()
            assert queued_state(board) == ("queued", 0, [])
        patient = dataclasses.replace(worker, drain=Drain(600.0))
        with monkeypatch.context() as patch:
            patch.setattr(Evaluation, "octaves", interrupted("octaves", 1))
            patient.work()
        assert queued_state(board) == ("queued", 0, ["octaves"])
        assert told == ["celery"] * 2
        assert signal.getsignal(signal.SIGTERM) is not None
        short = dataclasses.replace(worker, drain=Drain(0.01))
        with monkeypatch.context() as patch:
            patch.setattr(Evaluation, "certificate", interrupted_for_long)
            short.work()
        assert queued_state(board) == ("queued", 0, ["octaves"])
        # Nobody waits for a lease to run out.
        dataclasses.replace(worker, drain=Drain(0.0)).work()
        assert board.get("/api/v1/submissions/1").json["attempt"] == 1
        assert board.get("/api/v1/submissions/1").json["final"]
    finally:
        signal.signal(signal.SIGTERM, handler)


def interrupted_for_long(self):
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(250)
    raise AssertionError("its time was not over")
