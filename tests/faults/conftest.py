import tempfile
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.fault_injection import survivors


@pytest.fixture
def deploy():
    """deploy(**settings) starts a board and workers; the test fails if a process of theirs survives it."""
    begun = []
    # Not below pytest's own folder, which is closed to the users that sandboxes run as.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)

        def begin(**settings):
            begun.append(Deployment(Path(folder), **settings))
            return begun[-1]

        yield begin
        for one in begun:
            assert not survivors(one.close()), one.said()
