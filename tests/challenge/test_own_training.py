"""`mbc train` by an author's own train.py, and the sample that it gets."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from challenge import target
from challenge.bundle.train_config import TrainConfig
from challenge.commands.cli import mbc
from challenge.mandelbrot.coordinates import to_plane
from challenge.training.own_training import draw_sample
from challenge.util import exit_codes

MODEL = """
import torch
from torch import nn

class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("value", torch.zeros(1))
    def forward(self, x):
        return self.value.expand(len(x), 1) + 0 * x[:, :1]

def build(i, o):
    return Mean()
"""
TRAIN = """
def train(model, x, t, budget):
    assert budget.seconds == 9 and budget.steps is None
    model.value += t.mean()
"""
RECIPE = 'trainer = "train.py"\nseconds = 9\nsamples = 3000\nsampling = "uniform"\nseed = 4\n'


@pytest.fixture
def train(tmp_path):
    """Runs `mbc train` in a directory with these files beside model.py."""

    def run(*arguments, code=0, **files):
        for name, text in {"model.py": MODEL, "train.toml": RECIPE, **files}.items():
            (tmp_path / name).write_text(text)
        ran = CliRunner().invoke(mbc, ["train", str(tmp_path), *arguments], catch_exceptions=False)
        assert ran.exit_code == code, ran.output
        return ran.output, tmp_path / "weights.safetensors"

    return run


@pytest.mark.costly
def test_its_function_trains_once_on_the_sample(train):
    said, path = train(**{"train.py": TRAIN})
    _, t = draw_sample(TrainConfig(trainer="train.py", seconds=9, samples=3000, sampling="uniform", seed=4))
    torch.testing.assert_close(load_file(path)["value"], torch.tensor([t.mean()], dtype=torch.float32))
    assert "octaves" in said


@pytest.mark.costly
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "There is no train.py"),
        ({"train.py": "def other(): ..."}, "no function train(model, x, t, budget)"),
        ({"train.py": "def train(*_): raise ValueError('no')"}, "ValueError: no"),
    ],
)
def test_what_is_wrong_with_it_is_said(train, files, said):
    told, path = train(**files, code=exit_codes.BUNDLE_INVALID)
    assert said in told
    assert not path.exists()


def test_it_cannot_be_resumed(train):
    said, _ = train("--resume", **{"train.py": TRAIN}, code=exit_codes.USAGE)
    assert "--restart instead of --resume" in said


@pytest.mark.parametrize("sampling", ["uniform", "octave"])
def test_the_sample_is_of_the_target_and_the_same_again(sampling):
    recipe = TrainConfig(trainer="train.py", seconds=1, samples=3000, sampling=sampling, deepest=3, seed=1)
    x, t = draw_sample(recipe)
    assert 2800 <= len(x) <= 3000
    assert x.shape == (len(t), 2)
    assert t.shape == (len(x), 1)
    if sampling == "uniform":
        np.testing.assert_array_equal(t[:, 0], target(to_plane(x)))
    else:
        # Points of training iterate less far than the target, which few points near the set notice.
        assert np.mean(np.abs(t[:, 0] - target(to_plane(x))) < 1e-9) > 0.97
    again = draw_sample(recipe)
    np.testing.assert_array_equal(again[0], x)
    np.testing.assert_array_equal(again[1], t)
