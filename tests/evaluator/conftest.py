import dataclasses
import os

import pytest

from tests.support import providers
from tests.support.bundles import HONEST, SMALL, make_bundle
from tests.support.processes import alive, descendants


@pytest.fixture(scope="session", params=providers.FIRST)
def sandbox(request):
    """Of each provider that works here; all but the one that judges are for the long tests."""
    return providers.provider(request.param)


@pytest.fixture
def start(sandbox):
    """Open a session on a source, and see that nothing of it is left when the test ends."""
    sessions = []
    seen = {}
    others = descendants(os.getpid())

    def run(source=HONEST, *, state=None, limits=SMALL, helpers=None, where=sandbox, **changes):
        bundle = make_bundle(source, state, **(helpers or {}))
        session = where.start(bundle, limits=dataclasses.replace(limits, **changes), device="cpu")
        sessions.append(session)
        session.__enter__()
        seen.update(descendants(os.getpid()))
        return session

    yield run
    seen.update(descendants(os.getpid()))
    for session in sessions:
        session.__exit__(None, None, None)
    assert not [pid for pid in alive(seen) if others.get(pid) != seen[pid]]


class Nobody:
    def status(self, *_message): ...


@pytest.fixture(scope="module")
def check():
    """check(source, state) is what `mbc check` finds of a bundle, without controls."""
    from evaluator.bundle_check import check_bundle
    from evaluator.sandbox import find_sandbox

    found = find_sandbox(allow_unconfined=False)

    def run(source, state=None):
        return check_bundle(make_bundle(source, state), found, Nobody(), device="cpu", universal=False)

    return run
