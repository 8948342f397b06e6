"""`mbc score --track samples` as a person types it."""

import json
import os
import subprocess
import sys

import click
import pytest

from challenge.results.samples_report import SamplesReport
from evaluator.cli.authors import Count

pytestmark = pytest.mark.costly

BUMPS = """
import torch
from torch import nn

class Bumps(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(49, 1))
        side = torch.linspace(-1, 1, 7)
        self.register_buffer("centres", torch.cartesian_prod(side, side))

    def features(self, x):
        return torch.exp(-((x[:, None] - self.centres) ** 2).sum(2) / 0.1)

    def forward(self, x):
        return self.features(x) @ self.weights

def build(in_features, out_features):
    return Bumps()

def fit(model, x, y, budget):
    model.weights.data = torch.linalg.lstsq(model.features(x), y).solution
"""


def mbc(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "challenge.commands.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ,
    )


@pytest.fixture
def untrained(tmp_path):
    (tmp_path / "submission.toml").write_text(
        'api = 1\nname = "Bumps [/bold]"\nauthor = "A"\ndescription = "d"\n'
    )
    (tmp_path / "model.py").write_text(BUMPS)
    return tmp_path


@pytest.mark.slow
def test_a_curve_is_printed_and_drawn(untrained):
    out = untrained / "pictures"
    done = mbc(
        "score", untrained, "--track", "samples", "--curve", "--chains", 2, "--seconds", 20, "--pictures", out
    )
    assert done.returncode == 0, done.stderr
    assert [f"2^{power}" in done.stdout for power in (14, 16, 18, 20)] == [True] * 4
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_score_without_any_weights_and_its_pictures(untrained):
    out = untrained / "pictures"
    options = ("--track", "samples", "--quick", "--chains", 2, "--seconds", 20, "--samples", "2^11")
    done = mbc("score", untrained, *options, "--pictures", out, "--json")
    assert done.returncode == 0, done.stderr
    report = SamplesReport.from_json(done.stdout)
    assert [one.kind for one in report.targets] == ["mandelbrot", "cousin", "polynomial"]
    assert (report.samples, report.verdict, report.season) == (2048, "unjudged", "practice")
    assert report.octaves > 0.1
    assert json.loads(done.stdout)["track"] == "samples"
    assert (out / "samples" / "3" / "film-00.png").read_bytes().startswith(b"\x89PNG")


def test_options_of_one_track_are_none_of_the_other(untrained):
    done = mbc("score", untrained, "--seconds", 5)
    assert done.returncode == 2
    assert "--track samples" in done.stderr
    assert mbc("score", untrained, "--quick").returncode == 3  # no weights
    assert mbc("score", untrained, "--track", "samples", "--seconds", -1).returncode == 2


def test_numbers_as_people_write_them():
    count = Count()
    assert count.convert("2^14", None, None) == 16384
    assert count.convert("2**14", None, None) == 16384
    assert count.convert("1_000_000", None, None) == 1_000_000
    for bad in ("2^25", "2^999999999", "-3", "x", "2^-1", "1", "1e6"):
        with pytest.raises(click.BadParameter, match="is no number"):
            count.convert(bad, None, None)
