"""Train the zoo again: `nice python tests/zoo/train.py [NAME ...]`, one thread, a minute a model at most.

A model with a recipe (train.toml) is trained by it, on one lot of random points drawn octave by octave, each
squared error divided by the variance of its view. One with a `fit` of its own gets such points and its fit.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib.util
import sys
import time
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn

from challenge.bundle.train_config import TrainConfig, read_train_config
from challenge.mandelbrot.coordinates import to_unit
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.local_model import load_model, predict, save_weights
from challenge.training.refit import Budget, cast, cosine
from challenge.training.zoom_samples import ZoomPoints, draw_zoom_points

HERE = Path(__file__).parent
SEED = 0
LEAST_VARIANCE = 1e-3
POOL = 800_000
# Of a `fit` of its own: octaves 0 to DEEPEST, CHAINS views each.
STEPS = 4_000
DEEPEST = 5
CHAINS = 100
LOOK = EvaluationSize(chains=16, octaves=16, points=128)


def module_of(directory: Path) -> ModuleType:
    """A model's module."""
    spec = importlib.util.spec_from_file_location("model", directory / "model.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def points(deepest: int, chains: int) -> ZoomPoints:
    """The same points for every model that asks for as many."""
    return draw_zoom_points(np.random.default_rng(SEED), chains, deepest)


def by_recipe(model: nn.Module, recipe: TrainConfig) -> None:
    """Adam with a cosine schedule on random batches."""
    drawn = points(recipe.deepest, POOL // (128 * (recipe.deepest + 1)))
    x, t = torch.from_numpy(drawn.x), torch.from_numpy(drawn.t[:, None]).float()
    weight = torch.from_numpy(1 / np.maximum(drawn.variance, LEAST_VARIANCE))[:, None].float()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=0.0, eps=recipe.epsilon
    )
    model.train()
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * cosine(step / recipe.steps)
        rows = torch.randint(len(x), (recipe.batch,))
        loss = (weight[rows] * (model(cast(model, x[rows])) - t[rows]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def by_own_fit(module: ModuleType, model: nn.Module) -> None:
    """As the judge would call it."""
    drawn = points(DEEPEST, CHAINS)
    x = cast(model, torch.from_numpy(drawn.x))
    module.fit(model, x, torch.from_numpy(drawn.t[:, None]).to(x), Budget(STEPS))


def octaves(directory: Path) -> float:
    """On a small part of the practice season."""
    views = evaluation_set(PRACTICE, LOOK)
    prediction = predict(load_model(directory), to_unit(views.points.reshape(-1, 2)))
    return measure(views.truth, prediction.reshape(views.truth.shape)).octaves


def train(directory: Path) -> str:
    """Train one model and write its weights; a sentence about it."""
    began = time.process_time()
    torch.manual_seed(SEED)
    module = module_of(directory)
    model = module.build(2, 1)
    dtype = torch.float32
    if (directory / "train.toml").exists():
        recipe = read_train_config(directory)
        by_recipe(model, recipe)
        dtype = getattr(torch, recipe.store)
    else:
        by_own_fit(module, model)
    seconds = time.process_time() - began
    state = {
        name: tensor.detach().to(dtype) if tensor.dtype == torch.float32 else tensor.detach()
        for name, tensor in model.state_dict().items()
    }
    path = directory / "weights.safetensors"
    save_weights(state, path)
    size = path.stat().st_size
    return f"{directory.name:20} {octaves(directory):5.2f} octaves {size:9,} bytes {seconds:4.0f} s"


def main() -> None:
    """Train the named models, or all."""
    torch.set_num_threads(1)
    names = sys.argv[1:] or sorted(path.parent.name for path in HERE.glob("*/model.py"))
    for name in names:
        print(train(HERE / name), flush=True)


if __name__ == "__main__":
    main()
