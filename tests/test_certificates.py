"""The benchmark of certificates goes on where it was stopped, and does again what no longer holds."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def certificates(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("certificates", BENCHMARKS / "certificates.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("trusted", None)


def test_what_was_cut_off_or_was_of_another_model_is_done_again(certificates, tmp_path):
    path = tmp_path / "rows.jsonl"
    assert certificates.read(path) == []
    good = {"season": 0, "kind": "gelu", "family": "curve", "sources": certificates.sources("gelu")}
    old = good | {"family": "digits", "sources": "of another day"}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(old)}\n{json.dumps(good)[:20]}")
    assert certificates.read(path) == [good]


def test_the_kinds_are_those_of_the_zoo_and_the_doubtful_come_first(certificates):
    kinds = certificates.kinds()
    assert kinds[: len(certificates.DOUBTFUL)] == list(certificates.DOUBTFUL)
    assert sorted(kinds) == sorted(path.parent.name for path in certificates.ZOO.glob("*/expected.toml"))
