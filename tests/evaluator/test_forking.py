"""Sandboxes that are forked from a process with torch imported, and what happens where there is none."""

import os
import signal
from pathlib import Path

import pytest
import torch

from challenge.results.verdicts import EvaluationError
from evaluator.sandbox import forking
from tests.support import providers
from tests.support.bundles import HONEST, SMALL, make_bundle
from tests.support.processes import children
from tests.support.providers import needs_bubblewrap

pytestmark = [pytest.mark.sandbox, needs_bubblewrap]
STATE = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}
# Draws without a seed, and tells what differs between a fork and a process that was started for it alone.
DRAWS = """
import gc, os, random, signal, sys
import numpy, torch
from torch import nn
def build(i, o):
    print(random.random(), numpy.random.rand(), torch.rand(1).item(), file=sys.stderr)
    children = signal.getsignal(signal.SIGCHLD)
    print(os.getpid(), os.getppid(), gc.isenabled(), children, sys.argv, __name__)
    sys.stdout.flush()
    return nn.Linear(i, o)
"""


@pytest.fixture
def sandbox():
    return providers.provider("bubblewrap")


def told(sandbox, source=DRAWS):
    with sandbox.start(make_bundle(source, STATE), limits=SMALL, device="cpu") as session:
        session.load()
        return session._process.said().splitlines()


def server():
    return forking._servers.get((os.getpid(), "sealed"))


def test_forks_draw_different_numbers_and_look_like_a_process_of_its_own(sandbox, monkeypatch):
    one, other = told(sandbox), told(sandbox)
    assert all(a != b for a, b in zip(one[0].split(), other[0].split(), strict=True))
    assert one[1] == other[1]
    monkeypatch.setattr(forking, "shared", lambda *_: None)
    by_itself = told(sandbox)
    assert by_itself[1] == one[1]
    assert one[1].startswith("1 0 True")


def test_the_server_has_nothing_that_forks_could_write_together_or_gain_by(sandbox):
    told(sandbox)
    (bubblewrap,) = children(server()._process.pid)
    (process,) = children(bubblewrap)
    maps = Path(f"/proc/{process}/maps").read_text().splitlines()
    assert any("libtorch" in line for line in maps)
    assert not [line for line in maps if line.split()[1].endswith("s")]
    status = dict(line.split(":\t") for line in Path(f"/proc/{process}/status").read_text().splitlines())
    assert (status["Threads"], status["NoNewPrivs"]) == ("1", "1")
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}


def test_a_server_that_was_killed_is_started_again(sandbox, monkeypatch):
    told(sandbox)
    before = server()
    (bubblewrap,) = children(before._process.pid)
    os.kill(bubblewrap, signal.SIGKILL)
    before._process._popen.wait(20)
    # As if it had ended after a reaper was told to ask it.
    monkeypatch.setattr(forking.ForkServer, "running", property(lambda _self: True))
    with pytest.raises(EvaluationError) as caught:
        told(sandbox)
    assert caught.value.detail == "Its sandbox was killed from outside while it started."
    monkeypatch.undo()
    assert told(sandbox)
    assert server() is not before


def test_a_server_that_cannot_make_namespaces_is_none(sandbox, monkeypatch):
    """As where they may be nested once and no deeper."""
    arguments = sandbox._arguments

    def no_more(limits, *, gpu=False, forks=False):
        return [*arguments(limits, gpu=gpu, forks=forks), *(["--disable-userns"] if forks else [])]

    monkeypatch.setattr(sandbox, "_arguments", no_more)
    assert forking.shared("one that fails", sandbox._start_server) is None
    monkeypatch.setattr(sandbox, "_server", lambda: forking.shared("one that fails", sandbox._start_server))
    with sandbox.start(make_bundle(HONEST), limits=SMALL, device="cpu") as session:
        assert session.load() > 0
