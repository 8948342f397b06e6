import numpy as np
import pytest

from challenge.scoring import practice
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE
from challenge.util import cache

SIZE = EvaluationSize(chains=2, octaves=4, points=16)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "mbc"


def same(a, b):
    return all(np.array_equal(getattr(a, part), getattr(b, part)) for part in ("points", "truth", "centres"))


def test_what_is_kept_is_what_would_be_built(folder, monkeypatch):
    built = practice.practice_set(SIZE)
    assert same(built, evaluation_set(PRACTICE, SIZE))
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(practice, "evaluation_set", lambda *_: pytest.fail("built again"))
    assert same(practice.practice_set(SIZE), built)


def test_a_broken_or_unwritable_cache_does_no_harm(folder):
    practice.practice_set(SIZE)
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert same(practice.practice_set(SIZE), evaluation_set(PRACTICE, SIZE))
    kept.unlink()
    folder.rmdir()
    folder.write_text("a file where the folder should be")
    assert same(practice.practice_set(SIZE), evaluation_set(PRACTICE, SIZE))
