"""Where submissions run: in bubblewrap or under Landlock; your own, on your own machine, also unconfined."""

import ipaddress
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from challenge.results.verdicts import EvaluationError, Reason
from challenge.util.exit_codes import SettingError
from evaluator.sandbox.provider import Sandbox
from evaluator.sandbox.staging import require_temporary_folder
from evaluator.sandbox.unconfined import Unconfined

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluator.sandbox.bubblewrap import Bubblewrap
    from evaluator.sandbox.landlock import Landlock

__all__ = [
    "Bubblewrap",
    "Landlock",
    "Sandbox",
    "Unconfined",
    "find_sandbox",
    "providers",
    "require_loopback",
]

# Names the one provider to be used.
VARIABLE: Final = "MBC_SANDBOX"


# Imported on first use: they need what only Linux has.
_CONFINING: Final = {"Bubblewrap": "evaluator.sandbox.bubblewrap", "Landlock": "evaluator.sandbox.landlock"}


def __getattr__(name: str) -> Any:
    if name in _CONFINING:
        return getattr(import_module(_CONFINING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def providers(*, strangers: bool) -> "dict[str, Callable[[], Bubblewrap | Landlock]]":
    """The confining providers by name, the one that holds most first; each is made when it is called."""
    if sys.platform != "linux":
        return {}
    from evaluator.sandbox.bubblewrap import Bubblewrap  # noqa: PLC0415 - needs what only Linux has
    from evaluator.sandbox.landlock import Landlock  # noqa: PLC0415

    return {"bubblewrap": lambda: Bubblewrap(strangers=strangers), "landlock": Landlock}


def require_loopback(sandbox: Sandbox, server: str) -> None:
    """Refuse to judge for a public board where sandboxes can talk, unless the operator chose so.

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
    landlock = sandbox.name.startswith("landlock")
    chosen = landlock and os.environ.get(VARIABLE) == "landlock"
    if sandbox.unsealed and not loopback and not chosen:
        remedy = (
            f"Use a machine where bubblewrap works, or accept that with {VARIABLE}=landlock."
            if landlock
            else "Give the worker more memory."
        )
        raise EvaluationError(
            Reason.SANDBOX_UNAVAILABLE,
            f"Sandboxes can talk to each other here, so it judges only boards on this machine, not {host}: "
            f"{sandbox.unsealed} {remedy}",
        )


def find_sandbox(*, allow_unconfined: bool) -> Sandbox:
    """Bubblewrap where it works, else Landlock where that works; otherwise, and only if allowed, nothing.

    MBC_SANDBOX names the one provider to be used.

    Raises:
        EvaluationError: SANDBOX_UNAVAILABLE, saying what each provider lacks and what to do.
        SettingError: MBC_SANDBOX names none.
    """
    known = providers(strangers=not allow_unconfined)
    named = os.environ.get(VARIABLE)
    if named and named not in known:
        raise SettingError(f"{VARIABLE} must be one of {', '.join(known)}, not {named!r}")
    require_temporary_folder()
    refusals = []
    for name, make in known.items():
        if named in (None, "", name):
            try:
                sandbox = make()
                sandbox.try_out()
            except EvaluationError as error:
                refusals.append(error)
            else:
                return sandbox
    if allow_unconfined and not named:
        return Unconfined()
    details = [error.detail or error.sentence for error in refusals]
    if not refusals:
        details = [f"Sandboxes are made on Linux alone, and this is {sys.platform}."]
    raise EvaluationError(Reason.SANDBOX_UNAVAILABLE, " ".join(details)) from next(iter(refusals), None)
