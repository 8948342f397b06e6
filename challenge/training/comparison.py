"""Fit any model to any of the video's data sets, with snapshots at the same shares of the budget."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from challenge.controls import Control, curve, digits, handwritten, picture, surface
from challenge.controls.control import CLASSIFICATION, Family, split
from challenge.controls.fit_visuals import grid
from challenge.training.refit import Budget, cast, eager_mode, initialize_lazy, train
from challenge.training.sampling import sample

Array = NDArray[np.float64]
Build = Callable[[int, int], nn.Module]

MANDELBROT: Final = "mandelbrot"
POINTS, HELD_OUT = 40_000, 10_000
# Shares of the budget at which a snapshot is taken; denser at the start, where learning is fast.
SNAPSHOT_SHARES: Final = tuple((i / 24) ** 2 for i in range(25))
CHUNK: Final = 4096


def _mandelbrot(generator: np.random.Generator) -> Control:
    """A fixed uniform sample of the Mandelbrot target."""
    x, t = sample(POINTS + HELD_OUT, int(generator.integers(2**63)))
    parts = split(generator, x, t[:, None], HELD_OUT)
    return Control("Mandelbrot set", MANDELBROT, "regression", *parts, shown_as="picture")


def _only(family: Family, start: str, generator: np.random.Generator) -> Control:
    """The first draw of a family whose name starts with `start`."""
    return next(made for _ in count() if (made := family(generator)).name.startswith(start))


DATA: Final[dict[str, Family]] = {
    "curve": curve.draw,
    "picture": picture.photograph,
    "sphere": partial(_only, surface.draw, "sphere"),
    "spiral": partial(_only, surface.draw, "spiral"),
    "digits": digits.draw,
    "mnist": handwritten.draw,
    MANDELBROT: _mandelbrot,
}


def draw_data_set(name: str, seed: int) -> Control:
    """Draw one of `DATA` from a seed."""
    return DATA[name](np.random.default_rng(seed))


@dataclass(frozen=True)
class FitSnapshot:
    """A model's answers at one moment of its training.

    Attributes:
        done: used share of the budget, in [0, 1].
        skill: on the held-out data.
        held: answers at the held-out inputs, (n, out).
        on_grid: answers on the grid of the picture, (m, out); m = 0 if the picture needs none.
    """

    done: float
    skill: float
    held: Array
    on_grid: Array


@dataclass(frozen=True)
class FitResult:
    """Result of fitting one model: number of parameters, seconds of training, and its snapshots."""

    name: str
    parameters: int
    seconds: float
    snapshots: tuple[FitSnapshot, ...]


def accuracy(control: Control, skill: float) -> float:
    """Classification accuracy that corresponds to a skill: inverse of (accuracy - chance) / (1 - chance)."""
    chance = 1 / control.out_features
    return chance + (1 - chance) * skill


def fit_model(
    name: str,
    build: Build,
    control: Control,
    budget: Budget,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> FitResult:
    """Fit build(in, out) to a data set with the platform's trainer, taking snapshots.

    Args:
        name: name of the model for people.
        build: as in a bundle's model.py.
        control: the data.
        budget: steps, seconds or both; the task is taken from the data.
        seed: of the initial weights and the batches.
        progress: called with the share of the budget that is used.

    Raises:
        ValueError: the model's output has the wrong shape.
    """
    torch.manual_seed(seed)
    with eager_mode():
        model = build(control.in_features, control.out_features)
    initialize_lazy(model, control.in_features)
    shown = grid(control)
    snapshots = list[FitSnapshot]()

    def take_snapshot(done: float) -> None:
        was = model.training
        model.eval()
        held = _answers(model, control.held_x, control.out_features)
        snapshots.append(
            FitSnapshot(done, control.skill(held), held, _answers(model, shown, control.out_features))
        )
        model.train(was)

    def step(done: float, _loss: float) -> None:
        progress(done)
        if done >= SNAPSHOT_SHARES[len(snapshots)]:
            take_snapshot(done)

    began = time.monotonic()
    x, y = torch.from_numpy(control.x), torch.from_numpy(control.y)
    train(model, x, y, replace(budget, task=control.task), seed=seed, progress=step)
    seconds = time.monotonic() - began
    take_snapshot(1.0)
    return FitResult(name, sum(p.numel() for p in model.parameters()), seconds, tuple(snapshots))


def _answers(model: nn.Module, x: Array, outputs: int) -> Array:
    parts = [np.empty((0, outputs))]
    with torch.no_grad():
        for first in range(0, len(x), CHUNK):
            answer = model(cast(model, torch.from_numpy(x[first : first + CHUNK])))
            parts.append(answer.double().cpu().numpy().reshape(-1, outputs))
    return np.concatenate(parts)


def format_skill(control: Control, skill: float) -> str:
    """A skill as text; as accuracy for classification."""
    if control.task == CLASSIFICATION:
        return f"accuracy {accuracy(control, skill):.3f}"
    return f"skill {skill:.3f}"
