import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from challenge.bundle.reader import read_bundle
from challenge.bundle.train_config import read_train_config
from challenge.mandelbrot.coordinates import to_unit
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.local_model import load_build, load_model, predict
from challenge.training.refit import Budget, cast, train

pytestmark = pytest.mark.costly

ROOT = Path(__file__).parents[2] / "submissions"
# As little as each has to reach on a few views of the practice season; the whole season's figures stand in
# submissions/README.md.
FLOORS = {
    "linear": 0.0,
    "taylor": 1.5,
    "taylor_network": 4.0,
    "mlp": 5.0,
    "skip": 5.0,
    "siren": 6.0,
    "fourier_2d": 6.5,
    "fourier": 7.0,
    "random_fourier": 8.0,
    "tiny_grid": 7.5,
    "hash_grid": 9.0,
    "quadtree_light": 9.5,
    "quadtree": 10.5,
}
KINDS = tuple(FLOORS)
UNIVERSAL = tuple(kind for kind in KINDS if kind not in {"linear", "taylor"})
# What has an answer of its own to many inputs; the others are networks on these features.
MANY = ("siren", "fourier", "random_fourier", "hash_grid", "quadtree")
LEARNERS = [pytest.param(kind, marks=[] if kind in MANY else [pytest.mark.slow]) for kind in UNIVERSAL]
STEPS = 300
# Pictures of ten prototypes are learned in no time.
MANY_STEPS = 150


@pytest.fixture(scope="module")
def practice():
    return evaluation_set(PRACTICE, EvaluationSize(chains=16, octaves=13, points=128))


@pytest.fixture(scope="module")
def digits():
    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x = torch.from_numpy(x[order] / 8 - 1)
    labels = torch.from_numpy(labels[order])
    return x[:1200], labels[:1200], x[1200:], labels[1200:]


@pytest.mark.parametrize("kind", KINDS)
def test_octaves_are_above_their_floor(kind, practice):
    prediction = predict(load_model(ROOT / kind), to_unit(practice.points.reshape(-1, 2)))
    assert measure(practice.truth, prediction.reshape(practice.truth.shape)).octaves > FLOORS[kind]


def test_the_heavy_recipe_has_a_report_and_no_weights_in_the_repository():
    report = json.loads((ROOT / "quadtree_heavy/report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["weight_class"]) == ("scored", "heavy")
    assert report["octaves"] == pytest.approx(sum(report["skill"]), abs=1e-6)
    assert report["octaves"] >= 12
    assert "quadtree_heavy/weights.safetensors" in (ROOT.parent / ".gitignore").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", sorted(path.parent.name for path in ROOT.glob("*/submission.toml")))
def test_it_has_a_row_and_a_picture(kind):
    assert f"| [{kind}]({kind}) |" in (ROOT / "README.md").read_text(encoding="utf-8")
    own = (ROOT / kind / "README.md").read_text(encoding="utf-8")
    assert f"](../pictures/{kind}.png)" in own
    assert (ROOT / "pictures" / f"{kind}.png").stat().st_size < 300 << 10


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_whole_bundle_of_modest_size(kind):
    bundle = read_bundle(ROOT / kind)
    assert bundle.manifest.description
    assert len(bundle.weights) <= 8 << 20
    assert 4 <= len(bundle.frames) <= 8
    assert sum(map(len, bundle.frames.values())) < 300 << 10
    assert len(bundle.readme) > 200
    assert read_train_config(ROOT / kind).steps
    assert tomllib.loads(bundle.train)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2), (4, 1), (17, 4), (64, 10), (784, 10)])
def test_it_is_built_for_any_number_of_features(kind, shape):
    torch.manual_seed(0)
    model = load_build(ROOT / kind)(*shape)
    x = torch.rand(5, shape[0]) * 2 - 1
    assert model(x).shape == (5, shape[1])
    alone = torch.cat([model(row[None]) for row in x])
    assert torch.allclose(model(x), alone, atol=1e-5)
    for edge in (-1.0, 1.0):
        assert model(torch.full((1, shape[0]), edge)).isfinite().all()


def skill(model, digits, steps=STEPS):
    x, labels, held, answers = digits
    torch.set_num_threads(1)
    train(model, x, nn.functional.one_hot(labels, 10).double(), Budget(steps=steps, task="classification"))
    with torch.no_grad():
        right = (model(cast(model, held)).argmax(1) == answers).double().mean().item()
    return (right - 0.1) / 0.9


@pytest.fixture(scope="module")
def reference(digits):
    torch.manual_seed(0)
    return skill(load_build(ROOT / "mlp")(64, 10), digits)


@pytest.mark.parametrize("kind", LEARNERS)
def test_it_learns_digits_half_as_well_as_the_reference_network(kind, digits, reference):
    assert reference > 0.9
    torch.manual_seed(0)
    assert skill(load_build(ROOT / kind)(64, 10), digits) > 0.5 * reference


@pytest.mark.parametrize("kind", LEARNERS)
def test_784_inputs_are_learned_too(kind):
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.rand(10, 784, generator=generator) * 2 - 1
    labels = torch.randint(10, (1500,), generator=generator)
    # Like pictures of ink on paper, most of them the same: a step in every weight adds up.
    x = (prototypes[labels] + torch.randn(1500, 784, generator=generator) - 0.8).clamp(-1, 1).double()
    torch.manual_seed(0)
    assert (
        skill(
            load_build(ROOT / kind)(784, 10), (x[:1000], labels[:1000], x[1000:], labels[1000:]), MANY_STEPS
        )
        > 0.8
    )


def test_a_line_fails_where_it_should():
    x = torch.rand(2000, 1, generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    y = 0.5 + 0.5 * torch.sin(9 * x)
    model = load_build(ROOT / "linear")(1, 1)
    train(model, x, y, Budget(steps=STEPS))
    with torch.no_grad():
        assert 1 - ((model(cast(model, x)) - y) ** 2).mean() / y.var() < 0.2
