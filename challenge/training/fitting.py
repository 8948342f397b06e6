"""Any kind of model on any kind of data: the video's comparisons, watched at the same moments."""

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
from challenge.training.refit import Budget, cast, train
from challenge.training.sampling import sample

Array = NDArray[np.float64]
Build = Callable[[int, int], nn.Module]

MANDELBROT: Final = "mandelbrot"
POINTS, HELD = 40_000, 10_000
# Shares of the budget at which a fit is looked at: learning is fast at first.
LOOKS: Final = tuple((i / 24) ** 2 for i in range(25))
CHUNK: Final = 4096


def _mandelbrot(generator: np.random.Generator) -> Control:
    """A fixed uniform sample of the target."""
    x, t = sample(POINTS + HELD, int(generator.integers(2**63)))
    parts = split(generator, x, t[:, None], HELD)
    return Control("Mandelbrot set", MANDELBROT, "regression", *parts, shown_as="picture")


def _only(family: Family, start: str, generator: np.random.Generator) -> Control:
    """The first draw of a family whose name begins so."""
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


def data(name: str, seed: int) -> Control:
    """One of `DATA`, drawn from a seed."""
    return DATA[name](np.random.default_rng(seed))


@dataclass(frozen=True)
class Look:
    """A model while it learns.

    Attributes:
        done: share of the budget that was used.
        skill: on what is held out.
        held: its answers there (n, out).
        on_grid: and where it is drawn (m, out); (0, out) where only the held-out answers are shown.
    """

    done: float
    skill: float
    held: Array
    on_grid: Array


@dataclass(frozen=True)
class Fit:
    """What became of one kind."""

    name: str
    parameters: int
    seconds: float
    looks: tuple[Look, ...]


def accuracy(control: Control, skill: float) -> float:
    """The share of right answers that a skill in classes stands for."""
    chance = 1 / control.out_features
    return chance + (1 - chance) * skill


def fit(
    name: str,
    build: Build,
    control: Control,
    budget: Budget,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> Fit:
    """Fit build(in, out) to a data set with the platform's trainer, looking at it now and then.

    Args:
        name: what people call it.
        build: as in a bundle's model.py.
        control: the data.
        budget: steps, seconds or both; its task is the data's.
        seed: of the initial weights and the batches.
        progress: told the share that is done.

    Raises:
        ValueError: the model answers another shape than it should.
    """
    torch.manual_seed(seed)
    model = build(control.in_features, control.out_features)
    shown = grid(control)
    looks = list[Look]()

    def look(done: float) -> None:
        was = model.training
        model.eval()
        held = _answers(model, control.held_x, control.out_features)
        looks.append(Look(done, control.skill(held), held, _answers(model, shown, control.out_features)))
        model.train(was)

    def step(done: float, _loss: float) -> None:
        progress(done)
        if done >= LOOKS[len(looks)]:
            look(done)

    began = time.monotonic()
    x, y = torch.from_numpy(control.x), torch.from_numpy(control.y)
    train(model, x, y, replace(budget, task=control.task), seed=seed, progress=step)
    seconds = time.monotonic() - began
    look(1.0)
    return Fit(name, sum(p.numel() for p in model.parameters()), seconds, tuple(looks))


def _answers(model: nn.Module, x: Array, outputs: int) -> Array:
    parts = [np.empty((0, outputs))]
    with torch.inference_mode():
        for first in range(0, len(x), CHUNK):
            answer = model(cast(model, torch.from_numpy(x[first : first + CHUNK])))
            parts.append(answer.double().cpu().numpy().reshape(-1, outputs))
    return np.concatenate(parts)


def figure(control: Control, skill: float) -> str:
    """A skill as people say it: accuracy for classes."""
    if control.task == CLASSIFICATION:
        return f"accuracy {accuracy(control, skill):.3f}"
    return f"skill {skill:.3f}"
