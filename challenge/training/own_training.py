"""Trainings by an author's own train.py: `train(model, x, t, budget)`, once, on a fixed sample.

Where train.toml says trainer = "train.py". The sample, its seed and the seconds are those of train.toml, at
home and where an operator repeats the training.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from challenge.bundle.train_config import OWN_SAMPLES, TrainConfig
from challenge.training.local_model import code_folders, load_module
from challenge.training.refit import Budget, cast, eager_mode, stored_state
from challenge.training.sampling import sample
from challenge.training.trainer import Progress, TrainingResult, ValidationSet
from challenge.training.zoom_samples import POINTS, draw_zoom_points
from challenge.util.exit_codes import TrainConfigError
from challenge.util.own_traceback import own_traceback

Array = NDArray[np.float64]
FUNCTION: Final = "train"


def draw_sample(recipe: TrainConfig) -> tuple[Array, Array]:
    """The points that train.py gets: x (n, 2) unit coordinates and t (n, 1), in a random order.

    With "octave" up to 5 % fewer than `samples`, since views without structure are left out.
    """
    count = recipe.samples or OWN_SAMPLES
    if recipe.sampling == "uniform":
        x, t = sample(count, recipe.seed)
        return x, t[:, None]
    generator = np.random.default_rng(recipe.seed)
    chains = math.ceil(count / ((recipe.deepest + 1) * POINTS))
    drawn = draw_zoom_points(generator, max(2, chains), recipe.deepest)
    order = generator.permutation(len(drawn.t))[:count]
    return drawn.x[order], drawn.t[order, None]


def budget_of(recipe: TrainConfig) -> Budget:
    """What bounds it: seconds, and steps where train.toml names them."""
    return Budget(recipe.steps or None, recipe.seconds)


def train_by_own(
    model: nn.Module,
    recipe: TrainConfig,
    directory: Path,
    *,
    report: Callable[[Progress], None] = lambda _: None,
) -> TrainingResult:
    """Train a model in this process by the train.py of a directory.

    Args:
        model: build(2, 1) with the recipe's seed.
        recipe: with trainer = "train.py".
        directory: of the submission.
        report: called once, at the end.

    Raises:
        EvaluationError: train.py is missing or cannot be imported.
        TrainConfigError: it has no `train`, or that fails.
    """
    own = getattr(load_module(directory, "train"), FUNCTION, None)
    if not callable(own):
        raise TrainConfigError("train.py has no function train(model, x, t, budget).")
    x, t = (torch.from_numpy(one) for one in draw_sample(recipe))
    torch.manual_seed(recipe.seed)
    x = cast(model, x)
    began = time.monotonic()
    try:
        with eager_mode():
            own(model, x, t.to(x), budget_of(recipe))
    except Exception as error:
        said = own_traceback(error, code_folders(directory)).strip()
        raise TrainConfigError(f"train.py failed.\n{said}") from error
    seconds = time.monotonic() - began
    skill = ValidationSet().skill(model.eval())
    now = Progress(0, 1.0, seconds, math.nan, math.nan, len(x) / seconds, float(skill.sum()))
    report(now)
    state = stored_state(model, getattr(torch, recipe.store))
    return TrainingResult(state, now.octaves, now, interrupted=False)
