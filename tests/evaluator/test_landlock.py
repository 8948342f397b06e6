"""The sandbox without namespaces: what it holds, when it is used, and for whom."""

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import Budget
from challenge.util.exit_codes import SettingError
from evaluator import sandbox as sandboxes
from evaluator.sandbox import Landlock, find_sandbox, require_loopback
from tests.support import providers
from tests.support.bundles import HONEST
from tests.support.container import in_container
from tests.support.providers import needs_landlock

ROOT = Path(__file__).parents[2]
STATE = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}


@pytest.fixture(scope="module")
def sandbox():
    return providers.provider("landlock")


@needs_landlock
def test_an_honest_model_learns_and_answers(start, sandbox):
    session = start(HONEST, where=sandbox, load_seconds=60.0, request_seconds=60.0)
    session.build(2, 1, 0)
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    before = session.predict(x)
    session.fit(x, x[:, :1] / 2 + 0.5, Budget(steps=20, seconds=20.0), 0)
    assert np.isfinite(before).all()
    assert np.abs(session.predict(x) - before).max() > 0


@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_every_sandbox_of_root_is_a_user_of_its_own(sandbox):
    one, other = (sandbox._confinement([], None)["user"] for _ in range(2))
    assert len({0, one, other, os.geteuid()}) == 3


@needs_landlock
@pytest.mark.sandbox
def test_in_a_container_landlock_judges_boards_of_this_machine():
    program = """
        from evaluator.sandbox import Bubblewrap, find_sandbox
        from challenge.results.verdicts import EvaluationError
        try:
            Bubblewrap(strangers=False).try_out()
        except EvaluationError as error:
            print("refused" if "namespaces" in error.sentence else error.sentence)
        print(find_sandbox(allow_unconfined=False).name)
    """
    command = in_container(sys.executable, "-c", textwrap.dedent(program))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    refused, name = ran.stdout.splitlines() or ["", ran.stderr]
    assert refused == "refused"
    assert name.startswith("landlock ")


def test_it_judges_public_boards_only_if_the_operator_says_so(monkeypatch):
    monkeypatch.delenv("MBC_SANDBOX", raising=False)
    require_loopback(Landlock(), "http://[::1]:8000/")
    with pytest.raises(EvaluationError, match="MBC_SANDBOX=landlock"):
        require_loopback(Landlock(), "https://board.example")
    monkeypatch.setenv("MBC_SANDBOX", "landlock")
    require_loopback(Landlock(), "https://board.example")


def test_a_provider_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("MBC_SANDBOX", "docker")
    with pytest.raises(SettingError, match="bubblewrap, landlock"):
        find_sandbox(allow_unconfined=False)


def test_without_landlock_and_bubblewrap_both_are_explained(monkeypatch):
    monkeypatch.delenv("MBC_SANDBOX", raising=False)
    monkeypatch.setattr("evaluator.sandbox.programs.find", lambda _name: None)
    monkeypatch.setattr("evaluator.sandbox.diagnosis.landlock_abi", lambda: (0, errno.ENOSYS))
    monkeypatch.setattr("platform.release", lambda: "5.10.0-33-amd64")
    with pytest.raises(EvaluationError) as caught:
        find_sandbox(allow_unconfined=False)
    assert caught.value.reason is Reason.SANDBOX_UNAVAILABLE
    for word in ("apt-get install bubblewrap", "5.13"):
        assert word in caught.value.sentence
    assert find_sandbox(allow_unconfined=True).name == "none"
    assert set(sandboxes.providers(strangers=True)) == {"bubblewrap", "landlock"}
