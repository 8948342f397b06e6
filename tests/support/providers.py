"""Which sandboxes work on this machine, and the parameters of the tests that run in each of them.

The one that an evaluator would use is for the short tests; those after it for the long ones, where a test
does not ask for `EVERY`. A machine without namespaces runs the same tests under Landlock, a machine without
any sandbox skips them, and each skip says why.
"""

from functools import lru_cache

import pytest

from challenge.results.verdicts import EvaluationError
from evaluator.sandbox import bubblewrap, landlock, providers

NAMES = tuple(providers(strangers=True))


def _usable():
    """Those that could work by what can be asked in milliseconds; `made` tries them out."""
    works = {"bubblewrap": bubblewrap.makes_namespaces, "landlock": landlock.abi}
    return [name for name in NAMES if works[name]()]


USABLE = _usable()
EVERY = tuple(USABLE) or ("none",)
FIRST = tuple(
    pytest.param(name, marks=[pytest.mark.slow] if position else []) for position, name in enumerate(EVERY)
)


@lru_cache
def _made(name):
    sandbox = providers(strangers=True)[name]()
    sandbox.try_out()
    return sandbox


def provider(name):
    """The sandbox, tried out; skips the test where it does not work, with its own words."""
    try:
        return _made(name if name in NAMES else NAMES[0])
    except EvaluationError as error:
        pytest.skip(f"no {name} here: {error.detail}")


needs_bubblewrap = pytest.mark.skipif("bubblewrap" not in USABLE, reason="no namespaces for bubblewrap")
needs_landlock = pytest.mark.skipif("landlock" not in USABLE, reason="this kernel has no Landlock")
