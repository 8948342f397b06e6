"""A machine with other work to do: what a submission is kept waiting does not count against it."""

import contextlib
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import Budget
from evaluator.crowding import Crowding
from evaluator.sandbox.limits import CORES

# Tests that run beside these would be kept waiting as well.
pytestmark = pytest.mark.slow

X = np.zeros((4, 2))
STATE = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}
# Five times as much to do as there are processors.
CROWD = 4 * CORES
SPIN = "import os\nparent = os.getppid()\nprint(flush=True)\nwhile os.getppid() == parent: pass"
LIMIT = 1.5

MODEL = """
import hashlib, threading, time
from torch import nn

def work(clock, seconds):
    # Other threads of Python run meanwhile.
    until = clock() + seconds
    while clock() < until:
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2000)

class Slow(nn.Linear):
    def forward(self, x):
        {act}
        return super().forward(x)

def build(i, o):
    return Slow(i, o)
"""
WORKS = "work(time.thread_time, 1.0)"
SLEEPS = "time.sleep(30)"
CROWDS_ITSELF = """for _ in range(12):
            threading.Thread(target=work, args=(time.monotonic, 30), daemon=True).start()
        work(time.monotonic, 30)"""


@contextlib.contextmanager
def crowd(size=CROWD):
    """Processes that never wait, and end with this one."""
    with contextlib.ExitStack() as spinning:
        command = [sys.executable, "-I", "-S", "-c", SPIN]
        for _ in range(size):
            # In sessions of their own: the kernel may share a processor between sessions, not processes.
            process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
            one = spinning.enter_context(process)
            spinning.callback(one.kill)
            assert one.stdout.readline()
        yield


def asked(start, act):
    """The session of a model that does something in its `forward`, loaded."""
    session = start(MODEL.format(act=act), state=STATE, load_seconds=60.0, request_seconds=LIMIT)
    session.load()
    return session


def test_what_it_is_kept_waiting_is_added_to_its_seconds(start):
    session = asked(start, WORKS)
    began = time.monotonic()
    with crowd():
        assert session.predict(X).shape == (4, 1)
    # Else nothing kept it.
    assert time.monotonic() - began > LIMIT


@pytest.mark.parametrize(("act", "others"), [(SLEEPS, CROWD), (CROWDS_ITSELF, 0)])
def test_what_it_waits_by_its_own_doing_is_not(start, act, others):
    session = asked(start, act)
    with crowd(others), pytest.raises(EvaluationError) as caught:
        session.predict(X)
    assert caught.value.reason is Reason.TIME_EXCEEDED


FITS = "\n\ndef fit(model, x, y, budget):\n    {act}\n"


@pytest.mark.parametrize(
    ("act", "seconds", "fair"), [(WORKS, 1.5, False), ("time.sleep(1.2)", 1.5, True), (WORKS, 1000, True)]
)
def test_no_verdict_where_its_fits_were_kept_waiting(start, act, seconds, fair):
    session = start(MODEL.format(act="") + FITS.format(act=act), state=STATE, load_seconds=60.0)
    session.build(2, 1, 0)
    crowding = Crowding()
    with crowd(), crowding.noted(contextlib.nullcontext(session)):
        session.fit(X, np.zeros((4, 1)), Budget(seconds=seconds), 0)
    crowding.require_fair(passed=True)
    if fair:
        crowding.require_fair(passed=False)
        return
    with pytest.raises(EvaluationError, match="kept waiting") as caught:
        crowding.require_fair(passed=False)
    assert (caught.value.reason, caught.value.fault) == (Reason.MACHINE_BUSY, "platform")
