"""The long trainer behind `mbc train`: from a recipe to weights, with frames and octaves on the way."""

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from challenge.frame import CENTRE, View, to_unit
from challenge.local import one_answer_each, predict
from challenge.metrics import errors
from challenge.pictures import image, png_bytes, shrink, view_scale
from challenge.recipes import Recipe
from challenge.sampling import sample
from challenge.target import target
from challenge.training import cast, cosine
from challenge.zoom import ZoomPoints, zoom_points

Array = NDArray[np.float64]

# Points drawn at a time. The first lot keeps everybody waiting, so it is small.
POOL: Final = 600_000
# A view that hardly varies would outweigh a hundred others.
LEAST_VARIANCE: Final = 1e-3
# Shares of the training after which a frame is made: learning is fast at first.
FRAMES: Final = (0.0, 0.01, 0.03, 0.08, 0.18, 0.4, 0.7, 1.0)
FRAME_PIXELS: Final = 160
FRAME_VIEW: Final = View(CENTRE, 0.5)
CHECK_CHAINS: Final = 24
CHECK_OCTAVES: Final = 16
# The trainer's check has a seed of its own: it never meets the points that were trained on.
CHECK_SEED: Final = 0x6D6263
CHECKS: Final = 8


@dataclass(frozen=True)
class Progress:
    """How the training stands.

    Attributes:
        step: optimiser steps done.
        done: share of the budget that is used.
        seconds: since the start.
        loss: of the last batch, smoothed; 1 - skill where the recipe weighs by variance.
        learning_rate: of the last step.
        points_per_second: since the start.
        octaves: of the last check; NaN before the first.
    """

    step: int
    done: float
    seconds: float
    loss: float
    learning_rate: float
    points_per_second: float
    octaves: float


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        state: the best weights that were seen, in the recipe's dtype, on the CPU.
        octaves: theirs, on the trainer's own small check; good to about half an octave.
        progress: the last.
        interrupted: whether the person stopped it.
    """

    state: dict[str, Tensor]
    octaves: float
    progress: Progress
    interrupted: bool


class Check:
    """A small evaluation on chains of the trainer's own."""

    def __init__(self) -> None:
        self.points = zoom_points(np.random.default_rng(CHECK_SEED), CHECK_CHAINS, CHECK_OCTAVES - 1)

    def octaves(self, model: nn.Module) -> float:
        """Sum over the octaves of the mean skill of their views."""
        p = self.points
        wrong = errors(p.t, predict(model, p.x)) ** 2 / p.variance
        counts = np.bincount(p.view)
        seen = counts > 0
        skill = np.maximum(1 - np.bincount(p.view, wrong)[seen] / counts[seen], 0.0)
        octave = np.flatnonzero(seen) // CHECK_CHAINS
        by_octave = np.bincount(octave, skill) / np.bincount(octave)
        return float(by_octave.sum())


class Frames:
    """Pictures of the whole set as the model knows it, frames/000.png and on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "frames"
        self.directory.mkdir(exist_ok=True)
        for old in self.directory.glob("[0-9][0-9][0-9].png"):
            old.unlink()
        points = FRAME_VIEW.grid(FRAME_PIXELS * 2)
        self._scale = view_scale(target(points))
        self._x = to_unit(points)
        self._count = 0

    def due(self, done: float) -> bool:
        """Whether the next one's share of the training has been reached."""
        return self._count < len(FRAMES) and done >= FRAMES[self._count]

    def draw(self, model: nn.Module) -> None:
        """Make the next frame."""
        picture = shrink(image(predict(model, self._x), self._scale), 2)
        (self.directory / f"{self._count:03}.png").write_bytes(png_bytes(picture, colours=128))
        self._count += 1


def batches(recipe: Recipe) -> Generator[tuple[Tensor, Tensor, Tensor], None, None]:
    """Endless batches of x (n, 2) float64, t (n, 1) and weights (n, 1), the same for the same recipe.

    The next lot of points is drawn in a thread while the present one is used.
    """
    generator = np.random.default_rng(recipe.seed)
    with ThreadPoolExecutor(1) as drawer:
        ahead: Future[tuple[Array, Array, Array]] = drawer.submit(_draw, recipe, generator, POOL // 4)
        while True:
            x, t, weight = (torch.from_numpy(a) for a in ahead.result())
            ahead = drawer.submit(_draw, recipe, generator, POOL)
            order = torch.Generator().manual_seed(recipe.seed)
            for _ in range(recipe.reuse):
                rows = torch.randperm(len(t), generator=order)
                for some in torch.split(rows, recipe.batch):
                    yield x[some], t[some, None], weight[some, None]


def _draw(recipe: Recipe, generator: np.random.Generator, points: int) -> tuple[Array, Array, Array]:
    if recipe.sampling == "uniform":
        x, t = sample(points, int(generator.integers(2**63)))
        return x, t, np.ones(points)
    per_chain = (recipe.deepest + 1) * 128
    drawn: ZoomPoints = zoom_points(generator, max(2, points // per_chain), recipe.deepest)
    weight = 1 / np.maximum(drawn.variance, LEAST_VARIANCE) if recipe.weigh else np.ones(len(drawn.t))
    return drawn.x, drawn.t, weight


def fit(
    model: nn.Module,
    recipe: Recipe,
    directory: Path,
    *,
    report: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Train a model by a recipe, drawing frames into `directory`; Ctrl-C ends it early and keeps the best.

    Args:
        model: build(2, 1), on the device to train on.
        recipe: what to do.
        directory: the submission's; only frames/ is written.
        report: told of every step.
    """
    check, frames = Check(), Frames(directory)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.0, eps=recipe.epsilon)
    best_state, best = _stored(model, recipe), -1.0
    trained = 0.0
    now = Progress(0, 0.0, 0.0, float("nan"), recipe.learning_rate, 0.0, float("nan"))
    next_check = 0.0
    interrupted = False
    stream = batches(recipe)
    # The clock counts training alone: not the wait for compiled code here, nor pictures and checks.
    batch = next(stream)
    try:
        while True:
            if frames.due(now.done):
                frames.draw(model.eval())
            if now.done >= next_check or now.done >= 1:
                octaves, state = _checked(model, recipe, check)
                if octaves > best:
                    best_state, best = state, octaves
                now = _with(now, octaves=octaves)
                next_check = now.done + 1 / CHECKS
            report(now)
            if now.done >= 1:
                break
            model.train()
            began = time.monotonic()
            loss = _step(model, optimiser, batch, recipe.learning_rate * cosine(now.done))
            batch = next(stream)
            trained += time.monotonic() - began
            now = _after(now, recipe, loss, trained)
    except KeyboardInterrupt:
        interrupted = True
        octaves, state = _checked(model, recipe, check)
        if octaves > best:
            best_state, best = state, octaves
    finally:
        stream.close()  # ends the drawing thread
    return Outcome(best_state, best, now, interrupted)


def _step(
    model: nn.Module, optimiser: torch.optim.Optimizer, batch: tuple[Tensor, Tensor, Tensor], rate: float
) -> float:
    x, t, weight = batch
    for group in optimiser.param_groups:
        group["lr"] = rate
    answer = one_answer_each(model(cast(model, x)), len(x))
    t, weight = t.to(answer.device, answer.dtype), weight.to(answer.device, answer.dtype)
    loss = (weight * (answer - t) ** 2).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
    optimiser.step()
    return float(loss.detach())


def _after(now: Progress, recipe: Recipe, loss: float, seconds: float) -> Progress:
    step = now.step + 1
    done = step / recipe.steps if recipe.steps else seconds / recipe.seconds
    if recipe.seconds and seconds >= recipe.seconds:
        done = 1.0
    smooth = loss if now.step == 0 else 0.98 * now.loss + 0.02 * loss
    rate = recipe.learning_rate * cosine(now.done)
    return Progress(step, min(done, 1.0), seconds, smooth, rate, step * recipe.batch / seconds, now.octaves)


def _with(now: Progress, *, octaves: float) -> Progress:
    return Progress(
        now.step, now.done, now.seconds, now.loss, now.learning_rate, now.points_per_second, octaves
    )


def _stored(model: nn.Module, recipe: Recipe) -> dict[str, Tensor]:
    dtype = getattr(torch, recipe.store)
    return {
        name: (tensor.detach().to(dtype) if tensor.dtype == torch.float32 else tensor.detach()).cpu().clone()
        for name, tensor in model.state_dict().items()
    }


def _checked(model: nn.Module, recipe: Recipe, check: Check) -> tuple[float, dict[str, Tensor]]:
    """Octaves of the weights as they would be stored, and those weights."""
    state = _stored(model, recipe)
    present = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(state)
    octaves = check.octaves(model.eval())
    model.load_state_dict(present)
    return octaves, state
