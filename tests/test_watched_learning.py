"""The samples track with every real part: a server, its worker, bubblewrap, and budgets of a second."""

import json

import pytest

from tests.support.processes import Server

SECONDS = 1.5
LEARNER = '''
import time
import torch
from torch import nn


class Bumps(nn.Module):
    """Random features, and a layer that is solved for."""

    def __init__(self, in_features, out_features):
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        scale = 6.0 if in_features < 4 else 1.0 / in_features**0.5
        self.register_buffer("w", scale * torch.randn(in_features, 400, generator=draw))
        self.register_buffer("b", 6.283 * torch.rand(400, generator=draw))
        self.out = nn.Linear(400 + in_features, out_features)

    def features(self, x):
        return torch.cat([torch.cos(x @ self.w + self.b), x], dim=1)

    def forward(self, x):
        return self.out(self.features(x))


def build(in_features, out_features):
    return Bumps(in_features, out_features)


def solve(model, x, y):
    ones = torch.ones(len(x), 1)
    found = torch.linalg.lstsq(torch.cat([model.features(x), ones], dim=1), y).solution
    model.out.weight.data, model.out.bias.data = found[:-1].T.contiguous(), found[-1]


def fit(model, x, y, budget):
    if y.dtype == torch.int64:
        y = nn.functional.one_hot(y, model.out.out_features).float()
    if y.ndim == 2 and y.shape[1] != model.out.out_features:
        y = nn.functional.one_hot(y[:, 0].long(), model.out.out_features).float()
    watched = budget.steps is None
    {begin}
    solve(model, x[:3000].float(), y[:3000].float())
    if watched:
        budget.report(float(((model(x[:3000].float()) - y[:3000]) ** 2).mean()))
        budget.checkpoint(model)
        {end}
'''


def write(server, name, begin="pass", end="pass"):
    """A bundle's directory: LEARNER with these statements before and after its fit."""
    folder = server.folder / name
    folder.mkdir()
    (folder / "submission.toml").write_text(
        f'api = 1\nname = "{name}"\nauthor = "Ada"\ndescription = "A test."\n'
    )
    (folder / "model.py").write_text(LEARNER.replace("{begin}", begin).replace("{end}", end))
    return folder


def submit(server, name, *, code=0, **statements):
    return server.submit(write(server, name, **statements), "--track", "samples", code=code)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = {
        "MBC_BOARD_CHAINS": "4",
        "MBC_BOARD_POINTS": "64",
        "MBC_BOARD_SAMPLES": "4096",
        "MBC_BOARD_SAMPLES_SECONDS": str(SECONDS),
        "MBC_BOARD_SWEEP_SECONDS": "0.5",
    }
    server = Server(tmp_path_factory.mktemp("watched"), environment=settings)
    server.wait_until_up()
    yield server
    status, _ = server.stop()
    assert status in {0, 130}, server.said()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fit_that_overruns_is_judged_on_its_last_checkpoint_and_stands_on_the_board(server):
    told = submit(server, "overruns", end="time.sleep(600)")
    assert (told["track"], told["status"], told["machine"]) == ("samples", "scored", "cpu")
    report = server.get(f"/api/v1/submissions/{told['id']}/report?track=samples").json()
    assert [one["ended"] for one in report["targets"]] == ["killed"] * 3
    assert report["budget_seconds"] == SECONDS
    assert report["samples"] == 4096
    assert all(one["octaves"] > 0.5 for one in report["targets"])
    # How long it learned is not told while the season is open.
    assert {"judged_on", "seconds"} <= set(report["withheld"])
    entries = server.entries("samples")
    assert [(e["name"], e["octaves"]) for e in entries] == [("overruns", report["octaves"])]
    assert json.loads(server.mbc("board", "--track", "samples", "--json"))["entries"] == entries
    assert server.entries() == []
    # Its pictures came, and lie where nobody sees them yet.
    kept = sorted(path.name for path in (server.data / "artifacts").rglob("samples/2/*.png"))
    assert kept == ["error.png", "film-00.png", "truth.png"]
    evaluation = told["evaluation_id"]
    for name in kept:
        assert server.get(f"/evaluations/{evaluation}/samples/2/{name}").status_code == 404
    assert "killed" in server.get(f"/submissions/{told['id']}").text


@pytest.mark.timeout(600)
def test_without_a_checkpoint_it_has_failed_and_says_where(server):
    told = submit(server, "never", begin="watched and time.sleep(600)", code=5)
    assert (told["status"], told["reason"], told["fault"]) == ("failed", "time_exceeded", "submission")
    assert "target 1 of the samples track" in told["sentence"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_the_practice_season_everything_is_shown(server):
    """What came back in time, judged again where nothing is secret, and cancelled while it learns."""
    told = submit(server, "returns")
    assert told["status"] == "scored"
    path = f"/api/v1/submissions/{told['id']}"
    rejudge = ("admin", "--data", server.data, "rejudge", told["id"], "--track", "samples")
    server.mbc(*rejudge, "--season", "practice")

    def practised():
        answer = server.get(f"{path}/report?track=samples&season=practice")
        return answer.json() if answer.is_success else None

    report = server.until("report on the practice season", practised)
    assert [one["ended"] for one in report["targets"]] == ["returned"] * 3
    assert all(one["name"] and one["losses"] for one in report["targets"])
    (evaluation,) = {
        path.parents[2].name
        for path in (server.data / "artifacts").rglob("samples/1/truth.png")
        if server.get(f"/evaluations/{path.parents[2].name}/samples/1/truth.png").is_success
    }
    assert server.get(f"/evaluations/{evaluation}/samples/1/film-00.png").is_success

    slow = write(server, "slow", begin="time.sleep(1)")
    slow = server.submit(slow, "--track", "samples", "--no-wait")
    path = f"/api/v1/submissions/{slow['id']}"
    server.until("fit", lambda: "of 3: " in server.get(path).json()["message"])
    server.mbc("cancel", slow["id"], "--track", "samples")
    assert server.get(path).json()["status"] == "cancelled"
