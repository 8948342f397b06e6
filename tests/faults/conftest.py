"""The modules beside these tests, which are no package: house.py and harm.py."""

import importlib.util
import sys
from pathlib import Path

import pytest

for _name in ("house", "harm"):
    _spec = importlib.util.spec_from_file_location(_name, Path(__file__).with_name(f"{_name}.py"))
    sys.modules[_name] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[_name])


@pytest.fixture
def house(tmp_path):
    """house(**settings) is a board with its workers, who are stopped in the end, and leave nothing."""
    from harm import gone
    from house import House

    begun = []

    def begin(**settings):
        tmp_path.chmod(0o755)
        begun.append(House(tmp_path, **settings))
        return begun[-1]

    yield begin
    for one in begun:
        assert not gone(one.close()), one.said()
