"""Models that are not plain ones: lazy, compiled, tied, complex, of eight bits, fitted before they answer."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from challenge.results.refusals import refusal_of
from challenge.training.refit import Budget
from evaluator.changed_weights.shuffling import mixed, shuffled
from tests.support.bundles import BODY, HEAD, network, refused

pytestmark = pytest.mark.sandbox

LAZY = HEAD + "def build(i, o):\n    return nn.Sequential(nn.LazyLinear(16), nn.GELU(), nn.LazyLinear(o))\n"
COMPILED = HEAD + f"def build(i, o):\n    return torch.compile(nn.Sequential({BODY}))\n"
COMPILED_METHOD = (
    HEAD + f"def build(i, o):\n    net = nn.Sequential({BODY})\n    net.compile()\n    return net\n"
)
COMPILED_FORWARD = network("return y").replace("    def forward", "    @torch.compile\n    def forward")


@pytest.mark.parametrize("source", [LAZY, COMPILED, COMPILED_METHOD, COMPILED_FORWARD])
def test_lazy_and_compiled_models_are_models(check, source):
    assert check(source).parameters == 65


TIED = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.a, self.z = nn.Linear(i, 8), nn.Linear(8, o)
        self.m, self.n = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.n.weight = self.m.weight

    def forward(self, x):
        return self.z(self.n(self.m(self.a(x)).relu()).relu())


def build(i, o):
    return Net(i, o)
"""
)


@pytest.mark.parametrize("kept", ["m", "n"])
def test_tied_weights_load_from_either_name_and_count_once(start, kept):
    state = {
        "a.weight": torch.rand(8, 2), "a.bias": torch.rand(8), f"{kept}.weight": torch.rand(8, 8),
        "z.weight": torch.rand(1, 8), "z.bias": torch.rand(1),
    }  # fmt: skip
    session = start(TIED, state=state)
    assert session.load() == 16 + 8 + 64 + 8 + 1
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    h = torch.from_numpy(x).float() @ state["a.weight"].T + state["a.bias"]
    for _ in range(2):
        h = (h @ state[f"{kept}.weight"].T).relu()
    expected = h @ state["z.weight"].T + state["z.bias"]
    np.testing.assert_allclose(session.predict(x), expected.double().numpy(), rtol=1e-5)


def test_a_tie_does_not_excuse_a_missing_tensor(check):
    state = {"a.weight": torch.rand(8, 2), "a.bias": torch.rand(8), "m.weight": torch.rand(8, 8)}
    error = refused(check, TIED, state)
    assert refusal_of(error).rule == "weights.names"
    assert "missing: z.weight, z.bias" in error.sentence


COMPLEX = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.w = nn.Parameter(torch.randn(i, 8, dtype=torch.complex64))
        self.v = nn.Parameter(torch.randn(8, o, dtype=torch.complex64))

    def forward(self, x):
        return (torch.exp(1j * (x.to(self.w.dtype) @ self.w)) @ self.v).real


def build(i, o):
    return Net(i, o)
"""
)


def test_complex_parameters_are_taken_counted_and_shuffled(check):
    state = {"w": torch.randn(2, 8, dtype=torch.complex64), "v": torch.randn(8, 1, dtype=torch.complex64)}
    assert check(COMPLEX, state).parameters == 24
    weights = save(state)
    other = load(shuffled(weights, np.random.default_rng(1)))
    assert not torch.equal(other["w"], state["w"])
    assert set(other["w"].flatten().tolist()) == set(state["w"].flatten().tolist())
    half = load(mixed(weights, np.random.default_rng(1), 0.5))["w"]
    torch.testing.assert_close(half, 0.5 * state["w"] + 0.5 * other["w"])


def test_float8_weights_load_into_a_network_of_float32(check):
    state = {
        name: tensor.to(torch.float8_e4m3fn)
        for name, tensor in torch.nn.Sequential(
            torch.nn.Linear(2, 16), torch.nn.GELU(), torch.nn.Linear(16, 1)
        ).state_dict().items()
    }  # fmt: skip
    assert check(network("return y"), state).parameters == 65


def test_refits_differ_where_the_trainer_draws_although_build_seeds(start):
    source = (
        network("return nn.functional.dropout(y, training=self.training)").replace(
            "    return Net(", "    torch.manual_seed(0)\n    return Net("
        )
        + """

def fit(model, x, y, budget):
    with torch.no_grad():
        model[0].bias.fill_(float(torch.rand(())))
"""
    )
    session = start(source)
    answers = []
    for seed in (1, 2):
        session.build(2, 1, seed)
        session.fit(np.zeros((4, 2)), np.zeros((4, 1)), Budget(seconds=5.0), seed)
        answers.append(session.predict(np.zeros((1, 2)))[0, 0])
    assert answers[0] != answers[1]


def test_a_model_that_answers_only_after_its_fit_passes_as_it_does_before_the_judge(check):
    source = (
        HEAD
        + """
class Net(nn.Linear):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.register_buffer("fitted", torch.zeros(()))

    def forward(self, x):
        if not self.fitted:
            raise RuntimeError("not fitted")
        return super().forward(x)


def fit(model, x, y, budget):
    model.fitted.fill_(1)


def build(i, o):
    return Net(i, o)
"""
    )
    state = {"weight": torch.rand(1, 2), "bias": torch.rand(1), "fitted": torch.ones(())}
    assert check(source, state).parameters == 4
    without = refused(check, source.replace("def fit(", "def other("), state)
    assert without.reason.value == "forward_failed"
    assert refusal_of(without).where == "build(1, 1)"


CACHED = """
import functools

import torch
from torch import nn


@functools.lru_cache
def waves(i):
    return torch.linspace(1, 8, 8).repeat(i, 1)


class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.i = i
        self.scale, self.out = nn.Parameter(torch.ones(8)), nn.Linear(8, o)

    def forward(self, x):
        return self.out((x @ (waves(self.i) * self.scale)).sin())


def build(i, o):
    return Net(i, o)
"""


def test_what_a_model_caches_while_it_answers_serves_its_fit(start):
    session = start(CACHED, state={})
    session.build(2, 1, 0)
    session.predict(np.zeros((3, 2)))
    session.fit(np.zeros((9, 2)), np.zeros((9, 1)), Budget(steps=3, seconds=5.0), 0)
