"""A training repeated in sandboxes, against the same recipe trained in this process."""

import dataclasses
import textwrap
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load

from challenge.bundle.train_config import parse_train_config
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training import batches
from challenge.training.local_model import build_model
from challenge.training.own_training import train_by_own
from challenge.training.trainer import train_model
from challenge.util.exit_codes import TrainConfigError
from evaluator.reproduction.training import repeat_training
from tests.support.bundles import HONEST, SMALL, make_bundle

# Its own learner: the mean of the targets that it has seen.
MEAN = """
import torch
from torch import nn

class Learner:
    def __init__(self, model):
        self.model = model
    def step(self, x, t, weight, done):
        wrong = self.model(x) - t
        self.model.value -= 0.1 * wrong.mean()
        return wrong
    def state_dict(self):
        return {}
    def load_state_dict(self, state):
        pass

class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("value", torch.zeros(1))
    def forward(self, x):
        return self.value.expand(len(x), 1) + 0 * x[:, :1]
    def learner(self):
        return Learner(self)

def build(i, o):
    return Mean()
"""
RECIPES = {
    "octaves": (
        HONEST,
        'steps = 40\nbatch = 256\nlearning_rate = 0.01\ndeepest = 3\nseed = 7\nstore = "float16"',
    ),
    "errors": (HONEST, 'steps = 40\nbatch = 256\nsampling = "error-field"\nweigh = false'),
    "own": (MEAN, 'steps = 30\nbatch = 128\nsampling = "uniform"\nsamples = 1000'),
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(batches, "POOL", 8_000)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def repeat(sandbox, source, recipe, most_seconds=100.0, **helpers):
    bundle = make_bundle(textwrap.dedent(source), **helpers)
    bundle.files["train.toml"] = recipe.encode()
    lines = []
    limits = dataclasses.replace(SMALL, threads=1)
    found = repeat_training(
        bundle,
        sandbox,
        limits,
        device="cpu",
        most_seconds=most_seconds,
        report=lambda *one: lines.append(one),
    )
    return found, lines


@pytest.mark.sandbox
@pytest.mark.parametrize("name", RECIPES)
def test_it_makes_the_weights_that_mbc_train_makes(sandbox, tmp_path, name):
    source, recipe = RECIPES[name]
    found, lines = repeat(sandbox, source, recipe)
    (tmp_path / "model.py").write_text(textwrap.dedent(source))
    config = parse_train_config(recipe)
    local = train_model(build_model(tmp_path, seed=config.seed), config, tmp_path)
    state = load(found.weights)
    assert state.keys() == local.state.keys()
    for key, tensor in local.state.items():
        assert state[key].dtype == tensor.dtype
        torch.testing.assert_close(state[key], tensor, rtol=1e-3, atol=1e-4)
    assert found.octaves == pytest.approx(local.octaves, abs=1e-3)
    assert found.steps == config.steps
    assert lines[-1][0] == 1.0
    assert 0 < found.seconds < 100


OWN = """
import torch
from helper import rate

def train(model, x, t, budget):
    assert x.shape == (len(t), 2) and t.shape == (2000, 1) and budget.seconds == 50
    optimiser = torch.optim.LBFGS(model.parameters(), rate, max_iter=budget.steps)
    def closure():
        optimiser.zero_grad()
        loss = ((model(x) - t) ** 2).mean()
        loss.backward()
        return loss
    optimiser.step(closure)
"""
OWN_RECIPE = 'trainer = "train.py"\nsteps = 8\nseconds = 50\nsamples = 2000\ndeepest = 2\nseed = 3'


@pytest.mark.sandbox
@pytest.mark.parametrize("sampling", ["octave", "uniform"])
def test_an_author_s_own_training_is_repeated(sandbox, tmp_path, sampling):
    recipe = f'{OWN_RECIPE}\nsampling = "{sampling}"'
    files = {"model.py": HONEST, "train.py": OWN, "helper.py": "rate = 0.5\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    config = parse_train_config(recipe)
    fresh = build_model(tmp_path, seed=config.seed)
    local = train_by_own(build_model(tmp_path, seed=config.seed), config, tmp_path)
    found, lines = repeat(sandbox, HONEST, recipe, train=OWN, helper="rate = 0.5\n")
    state = load(found.weights)
    assert state.keys() == local.state.keys()
    for key, tensor in local.state.items():
        torch.testing.assert_close(state[key], tensor, rtol=1e-3, atol=1e-4)
        assert not torch.allclose(state[key], fresh.state_dict()[key])
    assert found.octaves == pytest.approx(local.octaves, abs=1e-3)
    assert found.steps == 0
    assert lines[-1][0] == 1.0


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("own", "seconds", "reason"),
    [
        ("def other(): ...", 50, Reason.MODEL_CODE_FAILED),
        ("def train(model, x, t, budget):\n    raise ValueError", 50, Reason.FIT_FAILED),
        ("def train(model, x, t, budget):\n    while True: pass", 0.5, Reason.TIME_EXCEEDED),
    ],
)
def test_an_author_s_own_training_fails_by_itself(sandbox, own, seconds, reason):
    recipe = f'trainer = "train.py"\nseconds = {seconds}\nsampling = "uniform"\nsamples = 10'
    with pytest.raises(EvaluationError) as caught:
        repeat(sandbox, HONEST, recipe, train=own)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("steps = 5", "needs seconds"),
        ('seconds = 5\nsampling = "error-field"', "fixed sample"),
        ("seconds = 5\nsamples = 5_000_000", "4,194,304 samples at most"),
        ("seconds = 5", "the bundle has no train.py"),
    ],
)
def test_what_an_author_s_own_training_needs_is_said(recipe, said):
    with pytest.raises(TrainConfigError, match=said):
        repeat(None, HONEST, f'trainer = "train.py"\n{recipe}')


def test_without_a_recipe_there_is_nothing_to_repeat():
    with pytest.raises(TrainConfigError, match=r"no train\.toml"):
        repeat(None, HONEST, "")


@pytest.mark.sandbox
def test_code_that_does_not_train_is_its_own_fault(sandbox):
    source = "from torch import nn\n\ndef build(i, o):\n    return nn.Linear(i, 2)\n"
    with pytest.raises(EvaluationError) as caught:
        repeat(sandbox, source, "steps = 2")
    assert caught.value.reason in {Reason.FIT_FAILED, Reason.OUTPUT_SHAPE}


def test_a_training_has_as_long_as_the_operator_says():
    asked = []

    def start(_bundle, *, limits, device):
        asked.append((limits.total_seconds, limits.cpu_seconds, limits.load_seconds, device))
        raise EvaluationError(Reason.SANDBOX_UNAVAILABLE)

    with pytest.raises(EvaluationError):
        repeat(SimpleNamespace(start=start), HONEST, "steps = 2", most_seconds=9e4)
    assert asked == [(9e4, 360_001, SMALL.load_seconds, "cpu")]
