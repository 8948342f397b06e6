"""`mbc verify` against a leaderboard in this process, and the judge in its sandbox."""

import json
from functools import partial

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.torch import save

from challenge.bundle.reader import read_bundle
from challenge.commands import verify
from challenge.commands.client import Client
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import Season
from challenge.scoring.verification import points_digest
from evaluator import rejudge
from evaluator.assignment import Assignment
from evaluator.judge import judge
from evaluator.plan import EvaluationPlan
from evaluator.sandbox import find_sandbox
from evaluator.terminal import ProgressBar
from leaderboard.services import seasons
from tests.support import seed_data
from tests.support.bundles import HONEST, honest_model


@pytest.fixture
def run(board, monkeypatch):
    transport = httpx.WSGITransport(app=board.app)
    monkeypatch.setattr(verify, "Client", partial(Client, transport=transport))
    monkeypatch.setattr(verify, "find_judge", lambda: rejudge.octaves)

    def call(*arguments, code=0):
        done = CliRunner().invoke(verify.verify, [*arguments, "--server", "http://board.example"])
        assert done.exit_code == code, done.output
        return done.output

    return call


def close(board):
    with board.writing() as session:
        row = seasons.close_season(session, board.season().name)
        return row.season, row.size()


def test_an_ended_season_agrees_and_a_tampered_one_does_not(board, run):
    name = board.season().name
    assert "is open" in run(name, code=2)
    assert "'practice'" in run("season-99", code=2)
    season, size = close(board)
    found = json.loads(run(name, "--proofs", "12", "--json"))
    assert found["commitment"] == season.commitment
    assert found["points_digest"] == points_digest(evaluation_set(season, size))
    assert found["proved"] == 12
    assert found["largest_gap"] < 1e-9
    assert not found["mismatches"]
    assert "Everything agrees" in run(name, "--proofs", "0", "--digest", found["points_digest"])
    assert "points: their digest" in run(name, "--proofs", "0", "--digest", "0" * 64, code=4)
    with board.writing() as session:
        seasons.find_season(session, name).secret = bytes(32)
    assert "commitment: the secret's SHA-256" in run(name, "--proofs", "0", code=4)


@pytest.mark.costly
def test_a_truth_that_is_wrong_by_two_billionths_is_found(monkeypatch, run):
    def wrong(season, size):
        views = evaluation_set(season, EvaluationSize(2, 4, 16))
        views.truth[:] += 2e-9 * (views.truth < 1)
        return views

    monkeypatch.setattr(verify, "evaluation_set", wrong)
    assert "the exact value lies in" in run("practice", "--proofs", "20", code=4)


@pytest.mark.sandbox
def test_a_public_entry_is_judged_again(board, run, tmp_path):
    name = board.season().name
    weights = save(honest_model().state_dict())
    content = seed_data.bundle_bytes("honest", model=HONEST, weights=weights, license="MIT")
    path = tmp_path / "honest.zip"
    path.write_bytes(content)
    row = board.season()
    task = Assignment(
        read_bundle(path),
        Season(name, row.secret),
        find_sandbox(allow_unconfined=False),
        EvaluationPlan.open_track(row.size(), quick=True),
    )
    with ProgressBar() as bar:
        judged = judge(task, bar)
    ids = []
    for shift in (0.0, 1e-3):
        answer = board.post_bundle(content, board.stranger if shift else board.user)
        lease, _ = board.claim(answer.json["evaluation_id"])
        by_chain = np.array(judged.skill_by_chain) + shift
        report = seed_data.report(board.season(), by_chain, device=judged.device)
        done = board.tell(answer.json["evaluation_id"], "report", lease, json=report)
        assert done.status_code == 200, done.text
        ids.append(answer.json["id"])
    close(board)
    found = json.loads(run(name, "--proofs", "0", "--entry", str(ids[0]), "--json"))
    assert found["octaves"]["again"] == pytest.approx(judged.octaves, abs=1e-6)
    assert not found["mismatches"]
    assert "entry: " in run(name, "--proofs", "0", "--entry", str(ids[1]), code=4)
    assert "no such submission" in run(name, "--proofs", "0", "--entry", "999", code=6)
