"""Where submissions run: bubblewrap for anybody's, and unconfined for your own on your own machine."""

from challenge.results.verdicts import EvaluationError
from evaluator.sandbox.bubblewrap import Bubblewrap
from evaluator.sandbox.provider import Sandbox
from evaluator.sandbox.unconfined import Unconfined

__all__ = ["Bubblewrap", "Sandbox", "Unconfined", "find_sandbox"]


def find_sandbox(*, allow_unconfined: bool) -> Sandbox:
    """Bubblewrap where it works; otherwise, and only if allowed, no confinement.

    Raises:
        EvaluationError: SANDBOX_UNAVAILABLE, saying what is missing and what to do.
    """
    sandbox = Bubblewrap(strangers=not allow_unconfined)
    try:
        sandbox.try_out()
    except EvaluationError:
        if not allow_unconfined:
            raise
        return Unconfined()
    return sandbox
