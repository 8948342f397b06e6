"""Six public answers to the challenge, written anew from their descriptions, and what becomes of each."""

import tomllib
from pathlib import Path

import pytest
import torch

from challenge.bundle.reader import read_bundle
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE
from challenge.training.local_model import load_build, load_model
from evaluator.assignment import Assignment
from evaluator.bundle_check import check_bundle
from evaluator.judge import judge
from evaluator.plan import EvaluationPlan
from evaluator.sandbox import find_sandbox

ANSWERS = Path(__file__).parent / "zoo" / "answers"
NAMES = sorted(path.parent.name for path in ANSWERS.glob("*/expected.toml"))
SHAPES = ((1, 1), (2, 3), (3, 2), (4, 1), (17, 4), (64, 10), (784, 10))


class Nobody:
    def status(self, *_told):
        pass

    picture = evidence = status


def expected(name):
    return tomllib.loads((ANSWERS / name / "expected.toml").read_text(encoding="utf-8"))


def test_there_are_six():
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_bundle_for_any_shape(name):
    bundle = read_bundle(ANSWERS / name)
    assert bundle.size < 4 << 20
    build = load_build(ANSWERS / name)
    torch.manual_seed(0)
    for in_features, out_features in SHAPES:
        model = build(in_features, out_features).eval()
        with torch.no_grad():
            answer = model(torch.rand(3, in_features) * 2 - 1)
        assert answer.shape == (3, out_features)
        assert answer.isfinite().all()


def test_they_have_the_sizes_of_their_descriptions():
    numbers = {name: sum(p.numel() for p in load_model(ANSWERS / name).parameters()) for name in NAMES}
    assert 550_000 < numbers["pseudo_fourier"] < 650_000
    assert 750_000 < numbers["deep_relu"] < 800_000
    layers = [m for m in load_model(ANSWERS / "deep_relu") if isinstance(m, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [200] * 20 + [1]


@pytest.mark.sandbox
@pytest.mark.costly
@pytest.mark.parametrize("name", NAMES)
def test_check_passes_it_without_a_warning(name):
    sandbox = find_sandbox(allow_unconfined=False)
    checked = check_bundle(read_bundle(ANSWERS / name), sandbox, Nobody(), device="cpu", universal=False)
    assert checked.warnings == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_score_is_what_it_deserves(name):
    task = Assignment(
        read_bundle(ANSWERS / name),
        PRACTICE,
        find_sandbox(allow_unconfined=False),
        EvaluationPlan.open_track(EvaluationSize(chains=16), quick=True),
        device="cpu",
    )
    low, high = expected(name)["octaves"]
    assert low < judge(task, Nobody()).octaves < high
