"""Honest submissions in the real sandbox: what they answer, and how their mistakes are told."""

import os
import select
import signal
import sys

import numpy as np
import pytest
import torch
from torch import nn

from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import Budget, train
from evaluator.sandbox import Unconfined
from evaluator.sandbox.process import Pipes, Process
from tests.support.bundles import SMALL, make_bundle

RNG = np.random.default_rng(0)
HONEST = """
from torch import nn

def build(i, o):
    return nn.Sequential(nn.Linear(i, 16), nn.GELU(), nn.Linear(16, o))
"""
X = RNG.uniform(-1, 1, (70_000, 2))


def honest_model(i=2, o=1):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(i, 16), nn.GELU(), nn.Linear(16, o))


def told(reason, act):
    with pytest.raises(EvaluationError) as caught:
        act()
    assert caught.value.reason is reason, caught.value.private
    return caught.value


def test_a_plain_network_answers_as_it_does_at_home(start):
    session = start()
    assert session.device == "cpu"
    model = honest_model()
    assert session.load() == sum(p.numel() for p in model.parameters())
    answer = session.predict(X)
    with torch.no_grad():
        expected = model(torch.from_numpy(X).float()).double().numpy()
    assert answer.dtype == np.float64
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)
    # The same again, and nothing for no points.
    np.testing.assert_array_equal(session.predict(X[:512]), session.predict(X[:512]))
    assert session.predict(X[:0]).shape == (0, 1)


def test_the_platforms_trainer_inside_is_the_one_outside(start):
    session = start()
    x = RNG.uniform(-1, 1, (600, 5))
    y = RNG.uniform(0, 1, (600, 3))
    session.build(5, 3, 11)
    seconds = session.fit(x, y, Budget(steps=20, seconds=5.0), 4)
    assert 0 < seconds < 20
    torch.manual_seed(11)
    model = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Linear(16, 3))
    train(model, torch.from_numpy(x), torch.from_numpy(y), Budget(steps=20), seed=4)
    with torch.no_grad():
        expected = model(torch.from_numpy(x).float()).double().numpy()
    np.testing.assert_allclose(session.predict(x), expected, rtol=0, atol=1e-5)
    # Classes, as one-hot rows.
    session.build(5, 3, 11)
    session.fit(x, np.eye(3)[RNG.integers(0, 3, 600)], Budget(steps=5, task="classification"), 4)


FLOAT64 = """
import helper
import torch
from torch import nn

class Model(nn.Module):
    wants_float64 = True
    def __init__(self, i, o):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(o))
    def forward(self, x):
        assert x.dtype == torch.float64, x.dtype
        return helper.twice(x[:, :1]) * self.scale.double()

def build(i, o):
    return Model(i, o)

def fit(model, x, y, budget):
    assert x.dtype == y.dtype == torch.float64
    assert budget.steps == 7 and budget.task == "regression"
    with torch.no_grad():
        model.scale.fill_(y.mean().item())
    if budget.seconds < 1:
        while True:
            pass
"""


def test_a_fit_of_its_own_float64_and_a_helper(start):
    session = start(
        FLOAT64,
        state={"scale": torch.full((1,), 1.5, dtype=torch.float16)},
        helpers={"helper": "def twice(x):\n    return 2 * x\n"},
    )
    assert session.load() == 1
    np.testing.assert_array_equal(session.predict(X[:9]), 3 * X[:9, :1])
    session.build(3, 1, 0)
    x = RNG.uniform(-1, 1, (50, 3))
    session.fit(x, np.full((50, 1), 0.25), Budget(steps=7, seconds=10.0), 0)
    np.testing.assert_allclose(session.predict(x), 0.5 * x[:, :1])
    # Its budget binds it, not the platform's own patience.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluator.sandbox.session.GRACE_SECONDS", 0.5)
        fit = lambda: session.fit(x, np.full((50, 1), 0.25), Budget(steps=7, seconds=0.5), 0)  # noqa: E731
        told(Reason.TIME_EXCEEDED, fit)


LIBRARIES = """
import concurrent.futures
import numpy as np, scipy.interpolate, scipy.linalg, sklearn.ensemble, torch
from torch import nn

def build(i, o):
    x = np.random.rand(200, 3)
    sklearn.ensemble.RandomForestRegressor(4, n_jobs=2).fit(x, x[:, 0])
    scipy.linalg.svd(x)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(abs, [-1, 2])) == [1, 2]
    model = nn.Sequential(nn.Linear(i, 16), nn.GELU(), nn.Linear(16, o))
    torch.jit.trace(model, torch.rand(3, i), check_trace=False)
    optimiser = torch.optim.LBFGS(model.parameters())
    def closure():
        loss = model(torch.rand(64, i)).square().mean()
        loss.backward()
        return loss
    optimiser.step(closure)
    return model
"""


@pytest.mark.filterwarnings("default")
def test_the_libraries_work_inside(start):
    session = start(LIBRARIES, load_seconds=30.0)
    session.load()
    assert np.isfinite(session.predict(X[:10])).all()


MISTAKES = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        n = len(x)
        if n == 1: return x[:, 0]
        if n == 2: return torch.zeros(n, 2)
        if n == 3: return torch.zeros(n, 1, dtype=torch.int64)
        if n == 4: return torch.zeros(n, 1, dtype=torch.complex64)
        if n == 5: raise KeyError("a word of mine")
        if n == 6: return None
        if n == 7: return torch.full((n, 1), float("nan"))
        if n == 8: return torch.empty(1 << 40)
        if n == 9: raise ValueError("x" * 1_000_000)
        return torch.zeros(n, 1)

def build(i, o):
    if i == 7: raise ZeroDivisionError("seven")
    if i == 8: return 8
    return Model(i, o)
"""


def test_mistakes_in_forward_and_build_are_told_apart(start):
    session = start(MISTAKES, state={"weight": torch.zeros(1)})
    session.load()
    reasons = {
        1: Reason.OUTPUT_SHAPE, 2: Reason.OUTPUT_SHAPE, 3: Reason.OUTPUT_DTYPE, 4: Reason.OUTPUT_DTYPE,
        5: Reason.FORWARD_FAILED, 6: Reason.OUTPUT_SHAPE, 8: Reason.MEMORY_EXCEEDED, 9: Reason.FORWARD_FAILED,
    }  # fmt: skip
    for n, reason in reasons.items():
        error = told(reason, lambda n=n: session.predict(X[:n]))
        assert "a word of mine" not in error.sentence
        assert len(error.private) < 20_000
    assert "a word of mine" in told(Reason.FORWARD_FAILED, lambda: session.predict(X[:5])).private
    assert np.isnan(session.predict(X[:7])).all()
    assert "seven" in told(Reason.BUILD_INVALID, lambda: session.build(7, 1, 0)).private
    told(Reason.BUILD_INVALID, lambda: session.build(8, 1, 0))
    session.build(2, 1, 0)
    told(Reason.FIT_FAILED, lambda: session.fit(X[:5], X[:5, :1], Budget(steps=1), 0))


@pytest.mark.parametrize(
    ("source", "state", "reason"),
    [
        ("x = 1", None, Reason.BUILD_MISSING),
        ("build = 3", None, Reason.BUILD_MISSING),
        ("def build(:", None, Reason.MODEL_CODE_FAILED),
        ("import challenge", None, Reason.MODEL_CODE_FAILED),
        ("from evaluator.sandbox import limits", None, Reason.MODEL_CODE_FAILED),
        (HONEST, {"0.weight": torch.zeros(16, 2)}, Reason.WEIGHTS_DO_NOT_FIT),
        (HONEST, honest_model(3).state_dict(), Reason.WEIGHTS_DO_NOT_FIT),
    ],
)
def test_what_does_not_load(start, source, state, reason):
    told(reason, start(source, state=state).load)


def test_a_reaper_that_is_killed_at_the_start_is_no_missing_sandbox(sandbox):
    session = sandbox.start(make_bundle(), limits=SMALL, device="cpu")
    os.kill(session.pid, signal.SIGKILL)
    # Until nobody is left who could read what the judge sends.
    poll = select.poll()
    poll.register(session._process.requests, 0)
    assert poll.poll(60_000)
    error = told(Reason.INTERNAL, session.__enter__)
    assert error.detail == "Its sandbox's reaper was killed from outside while it started."
    assert error.fault == "platform"


def test_unconfined_speaks_the_same(start):
    session = start(where=Unconfined())
    session.load()
    assert session.predict(X[:3]).shape == (3, 1)
    session.build(2, 1, 0)
    session.fit(X[:600], X[:600, :1], Budget(steps=2), 0)
    told(Reason.BUILD_MISSING, start("x = 1", where=Unconfined()).load)


def test_what_an_ended_process_printed_is_not_read_from_a_pipe_that_has_its_number_now():
    pipes = Pipes()
    process = Process([sys.executable, "-c", "import time; print('mine', flush=True); time.sleep(60)"], pipes)
    ready, _, _ = select.select([process.output], [], [], 30)
    assert ready
    assert process.said() == "mine"
    number = process.output
    process.end()
    reading, writing = os.pipe()
    try:
        os.dup2(reading, number)
        os.set_blocking(number, False)
        os.write(writing, b"of another")
        assert process.said() == "mine"
        assert os.read(number, 100) == b"of another"
    finally:
        for descriptor in {reading, writing, number}:
            os.close(descriptor)
