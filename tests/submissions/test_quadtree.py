import importlib
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from challenge.bundle.reader import read_bundle
from challenge.bundle.train_config import TrainConfig
from challenge.training import batches
from challenge.training.local_model import load_build
from challenge.training.refit import Budget
from challenge.training.trainer import train_model

pytestmark = pytest.mark.costly

ROOT = Path(__file__).parents[2] / "submissions"
SIZES = ("quadtree", "quadtree_light", "quadtree_heavy")
SHARED = ("model.py", "tree.py", "growth.py")


@pytest.fixture(autouse=True)
def one_thread():
    # Small tensors only wait for a second one.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def kind():
    """tree.py and growth.py as modules."""
    sys.path.insert(0, str(ROOT / "quadtree_light"))
    try:
        found = SimpleNamespace(
            tree=importlib.import_module("tree"), growth=importlib.import_module("growth")
        )
    finally:
        sys.path.pop(0)
    yield found
    for name in ("tree", "growth"):
        del sys.modules[name]


def grown(kind, dimensions, out=1, *, tiles=400, divisions=4, seed=0):
    """A tree that was divided at random, with random values."""
    generator = torch.Generator().manual_seed(seed)
    tree = kind.tree.Tree(dimensions, out, tiles)
    grower = kind.growth.Grower(tree)
    for _ in range(divisions):
        tree.values[: grower.used] = torch.rand(tree.values[: grower.used].shape, generator=generator)
        places = torch.arange(grower.used * tree.cells)
        free = places[((tree.bits(places // tree.cells) >> (places % tree.cells)) & 1) == 0]
        chosen = free[torch.randperm(len(free), generator=generator)[: 3 * grower.used]]
        grower.divide(chosen.sort().values)
    return tree, grower


def by_hand(tree, point):
    """What a tree says at one point: Python numbers, one tile after the other."""
    tile, place, side = 0, [(p + 1) / 2 for p in point], 4
    while True:
        cell = [min(int(p * side), side - 1) for p in place]
        place = [p * side - c for p, c in zip(place, cell, strict=True)]
        number = sum(c * side**axis for axis, c in enumerate(cell))
        bits = f"{int(tree.divided[tile]) & (2 ** (side ** len(point)) - 1):064b}"[::-1]
        if bits[number] == "0":
            break
        tile = int(tree.first[tile]) + bits[:number].count("1")
    answer = 0.0
    for end in product((0, 1), repeat=len(point)):
        corner = sum((c + e) * (side + 1) ** axis for axis, (c, e) in enumerate(zip(cell, end, strict=True)))
        share = np.prod([p if e else 1 - p for p, e in zip(place, end, strict=True)])
        answer = answer + share * tree.values[tile, corner].double().numpy()
    return answer


def test_the_three_sizes_share_their_code():
    bundles = [read_bundle(ROOT / size, trained=size != "quadtree_heavy") for size in SIZES]
    for name in SHARED:
        assert len({bundle.files[name] for bundle in bundles}) == 1
    assert len({bundle.files["size.py"] for bundle in bundles}) == 3


def test_bits_are_counted(kind):
    numbers = torch.randint(-(2**63), 2**63 - 1, (2000,), generator=torch.Generator().manual_seed(0))
    numbers = torch.cat([numbers, torch.tensor([0, 1, -1, -(2**63), 2**63 - 1])])
    assert kind.tree.ones(numbers).tolist() == [(int(n) & (2**64 - 1)).bit_count() for n in numbers]


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_tree_says_what_its_definition_says(kind, dimensions):
    tree, grower = grown(kind, dimensions, out=2)
    assert grower.used > 50
    x = torch.rand(300, dimensions, generator=torch.Generator().manual_seed(1)).double() * 2 - 1
    x = torch.cat([x, torch.ones(1, dimensions), -torch.ones(1, dimensions), torch.zeros(1, dimensions)])
    right = np.stack([by_hand(tree, point.tolist()) for point in x])
    assert tree(x).numpy() == pytest.approx(right, abs=1e-6)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_dividing_changes_nothing_that_is_said(kind, dimensions):
    tree, grower = grown(kind, dimensions, divisions=3, tiles=2000)
    x = torch.rand(500, dimensions, generator=torch.Generator().manual_seed(1)).double() * 2 - 1
    before, tiles = tree(x), grower.used
    places = torch.arange(tiles * tree.cells)
    free = places[((tree.bits(places // tree.cells) >> (places % tree.cells)) & 1) == 0]
    grower.divide(free[::5])
    assert grower.used == tiles + len(free[::5])
    assert tree(x).numpy() == pytest.approx(before.numpy(), abs=1e-5)


def test_corners_become_the_least_squares_solution(kind):
    tree = kind.tree.Tree(2, 1, 1)
    grower = kind.growth.Grower(tree)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(20_000, 2, generator=generator).double() * 2 - 1
    y = (torch.sin(3 * x[:, :1]) * x[:, 1:] ** 2).float()
    places = [kind.growth.Place(tree, x)]
    for _ in range(60):
        grower.trust.zero_()
        grower.refine(places, y, torch.ones(len(x)))
    _, _, corners, shares = tree.locate(x)
    design = np.zeros((len(x), 25))
    np.put_along_axis(design, corners.numpy(), shares.numpy(), axis=1)
    solution = np.linalg.lstsq(design, y.numpy(), rcond=None)[0]
    assert tree.values[0].numpy() == pytest.approx(solution, abs=2e-3)


def test_it_is_fine_where_it_has_to_be(kind):
    tree = kind.tree.Tree(2, 1, 300)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(40_000, 2, generator=generator).double() * 2 - 1
    y = (x.norm(dim=1, keepdim=True) < 0.5).float()
    kind.growth.grow(tree, x[:35_000], y[:35_000], x[35_000:], y[35_000:], seconds=60)
    held = torch.rand(5000, 2, generator=generator).double() * 2 - 1
    right = (held.norm(dim=1, keepdim=True) < 0.5).float()
    assert ((tree(held) - right) ** 2).mean() < 0.02 * right.var()
    near = (x.norm(dim=1) - 0.5).abs() < 0.05
    tile = tree.locate(x)[0]
    assert len(tile[near].unique()) > 5 * len(tile[~near].unique()) / 2


def test_noise_does_not_make_it_fine(kind):
    tree = kind.tree.Tree(2, 1, 3000)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4000, 2, generator=generator).double() * 2 - 1
    y = torch.randn(4000, 1, generator=generator)
    kind.growth.grow(tree, x[:3500], y[:3500], x[3500:], y[3500:], seconds=60)
    assert (tree(x) ** 2).mean() < 0.1


def test_it_learns_from_a_stream_by_itself_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "POOL", 40_000)
    torch.manual_seed(0)
    model = load_build(ROOT / "quadtree_light")(2, 1)
    recipe = TrainConfig(steps=20, batch=20_000, reuse=1, deepest=5, store="float16")
    outcome = train_model(model, recipe, tmp_path)
    assert outcome.octaves > 3
    learner = model.learner()
    learner.load_state_dict(learner.state_dict())
    assert learner.grower.used == 1


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2), (5, 1)])
def test_a_fit_learns_a_smooth_function_of_any_dimension(shape):
    model = load_build(ROOT / "quadtree_light")(*shape)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6000, shape[0], generator=generator).double() * 2 - 1
    phases = torch.rand(shape[0], shape[1], generator=generator).double() * 3
    y = 0.5 + 0.4 * torch.sin(x @ phases)
    own_fit = type(model).forward.__globals__["fit"]
    own_fit(model, x[:5000], y[:5000], Budget(steps=300))
    with torch.no_grad():
        wrong = ((model(x[5000:]) - y[5000:]) ** 2).mean()
    assert wrong < 0.05 * y.var()
    assert (model.tree is None) == (shape[0] > 3)
