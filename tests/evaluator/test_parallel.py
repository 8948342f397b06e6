"""Sandboxes in several threads: their results, and how soon they end when nobody waits for them."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.drain import Drain, Drained
from evaluator.parallel import run_parallel
from tests.support.bundles import SMALL, make_bundle

SLEEPS = """
import time
from torch import nn

def build(i, o):
    time.sleep(50)
    return nn.Linear(i, o)
"""


# What sleeps in them would hold its caller so long.
LIMITS = replace(SMALL, load_seconds=50.0, total_seconds=100.0)
SOON = 25.0


def fail():
    raise EvaluationError(Reason.FIT_FAILED)


def test_results_come_in_order_and_the_first_failure_is_raised():
    assert list(run_parallel([lambda: 1, lambda: 2, lambda: 3], 2)) == [1, 2, 3]
    with pytest.raises(EvaluationError) as caught:
        list(run_parallel([lambda: 1, fail, lambda: 3], 2))
    assert caught.value.reason is Reason.FIT_FAILED


@pytest.fixture
def sleeping(sandbox):
    """A job whose sandbox sleeps longer than any test waits, and an event: it has been asked to build."""
    asked = threading.Event()

    def sleep():
        with sandbox.start(make_bundle(SLEEPS), limits=LIMITS, device="cpu") as session:
            asked.set()
            session.build(2, 1, 0)

    return sleep, asked


def test_a_failure_ends_the_sandboxes_that_still_run(sleeping):
    sleep, asked = sleeping

    def fail_meanwhile():
        assert asked.wait(60)
        fail()

    began = time.monotonic()
    # A pool within the job of another, as probes have them.
    with pytest.raises(EvaluationError):
        list(run_parallel([fail_meanwhile, lambda: list(run_parallel([sleep, sleep], 2))], 2))
    assert asked.is_set()
    assert time.monotonic() - began < SOON


def test_a_signal_ends_the_sandboxes_of_all_threads(sleeping):
    sleep, asked = sleeping

    def interrupt():
        assert asked.wait(60)
        os.kill(os.getpid(), signal.SIGTERM)

    began = time.monotonic()
    with pytest.raises(Drained), Drain(0).watching():
        list(run_parallel([sleep, interrupt], 2))
    assert time.monotonic() - began < SOON
