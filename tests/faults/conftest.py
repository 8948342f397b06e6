import pytest

from tests.support.deployment import Deployment
from tests.support.fault_injection import survivors


@pytest.fixture
def deploy(tmp_path):
    """deploy(**settings) starts a board and workers; the test fails if a process of theirs survives it."""
    begun = []

    def begin(**settings):
        tmp_path.chmod(0o755)
        begun.append(Deployment(tmp_path, **settings))
        return begun[-1]

    yield begin
    for one in begun:
        assert not survivors(one.close()), one.said()
