"""A worker without a sandbox: it waits, longer each time, and says why once."""

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.readiness import FIRST_PAUSE, LONGEST_PAUSE, wait_for_sandbox
from evaluator.sandbox import Unconfined


def test_it_tries_again_at_growing_intervals_and_says_each_reason_once():
    reasons = ["no bwrap"] * 10 + ["no rights"] * 2
    left, said, told, slept = [*reasons], [], [], []
    made = Unconfined()

    def find():
        if left:
            raise EvaluationError(Reason.SANDBOX_UNAVAILABLE, left.pop(0))
        return made

    assert wait_for_sandbox(find, said.append, told.append, slept.append) is made
    assert [line.partition(" It is")[0] for line in said] == ["no bwrap", "no rights"]
    assert told == reasons
    assert slept[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert slept[-1] == LONGEST_PAUSE
