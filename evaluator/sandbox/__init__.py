"""Where submissions run: bubblewrap for anybody's, and unconfined for your own on your own machine."""

import ipaddress
from urllib.parse import urlsplit

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox.bubblewrap import Bubblewrap
from evaluator.sandbox.provider import Sandbox
from evaluator.sandbox.unconfined import Unconfined

__all__ = ["Bubblewrap", "Sandbox", "Unconfined", "find_sandbox", "require_loopback"]


def require_loopback(sandbox: Sandbox, server: str) -> None:
    """Refuse to judge for a public board where sandboxes can talk to each other.

    Args:
        sandbox: what would judge.
        server: address of the board.

    Raises:
        EvaluationError: SANDBOX_UNAVAILABLE, with the reason and what to do.
    """
    host = urlsplit(server).hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if sandbox.unsealed and not loopback:
        raise EvaluationError(
            Reason.SANDBOX_UNAVAILABLE,
            f"Sandboxes can talk to each other here, so it judges only boards on this machine, not {host}: "
            f"{sandbox.unsealed} Give the worker more memory.",
        )


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
