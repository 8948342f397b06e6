"""The long trainer behind `mbc train`: from a recipe to weights, with frames and octaves on the way.

A model that does not learn by descending a gradient may bring a learner of its own: a method `learner()`
that returns a `Learner`.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from challenge.bundle.train_config import Recipe
from challenge.scoring.metrics import errors
from challenge.training import checkpoint
from challenge.training.checkpoint import Checkpoint
from challenge.training.local_model import one_answer_each, predict
from challenge.training.refit import cast, cosine
from challenge.training.snapshots import Frames
from challenge.training.streams import Batch, Stream
from challenge.training.zoom_samples import zoom_points

Array = NDArray[np.float64]

CHECK_CHAINS: Final = 24
CHECK_OCTAVES: Final = 16
# The trainer's check has a seed of its own: it never meets the points that were trained on.
CHECK_SEED: Final = 0x6D6263
CHECKS: Final = 8
# An octave improves when its skill has grown by more than the check's own noise.
IMPROVED: Final = 0.01
CHECKPOINT_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Progress:
    """How the training stands.

    Attributes:
        step: optimiser steps done.
        done: share of the budget that is used.
        seconds: of training, since the start.
        loss: smoothed over the last batches; 1 - skill where the recipe weighs by variance. NaN at first.
        learning_rate: of the last step.
        points_per_second: since the start.
        octaves: of the last check; NaN before the first.
        improving: the deepest octave that the last check found better than the one before; None if none was.
    """

    step: int
    done: float
    seconds: float
    loss: float
    learning_rate: float
    points_per_second: float
    octaves: float
    improving: int | None = None


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


class Learner(Protocol):
    """Learns a model from batches, in place of an optimiser."""

    def step(self, x: Tensor, t: Tensor, weight: Tensor, done: float) -> Tensor:
        """Learn from x (n, 2), t (n, 1) and weight (n,) of the squared errors.

        `done` is the share of the training that is over. Returns what the answers were off by before, (n, 1).
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """What it knows besides the model, to go on from later."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        ...


class Check:
    """A small evaluation on chains of the trainer's own."""

    def __init__(self) -> None:
        self.points = zoom_points(np.random.default_rng(CHECK_SEED), CHECK_CHAINS, CHECK_OCTAVES - 1)

    def skill(self, model: nn.Module) -> Array:
        """Mean skill of the views of every octave: (CHECK_OCTAVES,)."""
        p = self.points
        wrong = errors(p.t, predict(model, p.x)) ** 2 / p.variance
        counts = np.bincount(p.view)
        seen = counts > 0
        skill = np.maximum(1 - np.bincount(p.view, wrong)[seen] / counts[seen], 0.0)
        octave = np.flatnonzero(seen) // CHECK_CHAINS
        by_octave: Array = np.bincount(octave, skill) / np.bincount(octave)
        return by_octave


class _Run:
    """One training: the model, its optimiser and how far they are."""

    def __init__(self, model: nn.Module, recipe: Recipe, directory: Path, before: Checkpoint | None) -> None:
        self.model, self.recipe, self.directory = model, recipe, directory
        own: Any = getattr(model, "learner", None)
        self.optimiser: torch.optim.Optimizer | Learner = (
            own()
            if callable(own)
            else torch.optim.AdamW(
                [p for p in model.parameters() if p.requires_grad],
                lr=recipe.learning_rate,
                weight_decay=0.0,
                eps=recipe.epsilon,
            )
        )
        self.check, self.skill = Check(), np.zeros(CHECK_OCTAVES)
        self.best_state, self.best = _stored(model, recipe), -1.0
        self.now = Progress(0, 0.0, 0.0, math.nan, recipe.learning_rate, 0.0, math.nan)
        if before is not None:
            model.load_state_dict(before.model)
            self.optimiser.load_state_dict(before.optimiser)
            self.best_state, self.best = before.best_state, before.best
            self.now = self._at(before.step, before.seconds, before.loss)
        self.frames = Frames(directory, before.frames if before else 0)
        self.saved = time.monotonic()

    def look(self) -> None:
        """Measure the octaves of the weights as they would be stored, and keep them if they are the best."""
        state = _stored(self.model, self.recipe)
        present = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(state)
        skill = self.check.skill(self.model.eval())
        self.model.load_state_dict(present)
        better = np.flatnonzero(skill > self.skill + IMPROVED)
        self.skill = skill
        self.now = replace(
            self.now, octaves=float(skill.sum()), improving=int(better[-1]) if better.size else None
        )
        if skill.sum() > self.best:
            self.best_state, self.best = state, float(skill.sum())

    def step(self, batch: Batch, stream: Stream) -> float:
        """One step of the optimiser, or of the model's own learner; the loss."""
        self.model.train()
        x = cast(self.model, batch.x)
        t, weight = batch.t.to(x), batch.weight.to(x)
        if isinstance(self.optimiser, torch.optim.Optimizer):
            wrong = self._descend(self.optimiser, x, t, weight)
        else:
            with torch.no_grad():
                wrong = one_answer_each(self.optimiser.step(x, t, weight[:, 0], self.now.done), len(x))
        stream.learn(batch, wrong)
        return float((weight * wrong**2).mean())

    def _descend(self, optimiser: torch.optim.Optimizer, x: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        rate = self.recipe.learning_rate * cosine(self.now.done)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with self._precision(x.device):
            answer = one_answer_each(self.model(x), len(x))
        if answer.dtype in {torch.bfloat16, torch.float16}:
            answer = answer.float()
        wrong = answer - t.to(answer.dtype)
        optimiser.zero_grad(set_to_none=True)
        loss = (weight.to(answer.dtype) * wrong**2).mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        optimiser.step()
        return wrong.detach()

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)

    def advance(self, loss: float, seconds: float) -> None:
        """Note a step that took so many seconds."""
        smooth = loss if math.isnan(self.now.loss) else 0.98 * self.now.loss + 0.02 * loss
        after = self._at(self.now.step + 1, self.now.seconds + seconds, smooth)
        self.now = replace(after, octaves=self.now.octaves, improving=self.now.improving)

    def _at(self, step: int, seconds: float, loss: float) -> Progress:
        recipe = self.recipe
        done = step / recipe.steps if recipe.steps else seconds / recipe.seconds
        if recipe.seconds and seconds >= recipe.seconds:
            done = 1.0
        rate = recipe.learning_rate * cosine(min(done, 1.0))
        pace = step * recipe.batch / seconds if seconds else 0.0
        return Progress(step, min(done, 1.0), seconds, loss, rate, pace, math.nan)

    def save(self) -> None:
        """Leave a checkpoint to go on from."""
        now = self.now
        states = self.model.state_dict(), self.optimiser.state_dict()
        checkpoint.save(
            Checkpoint(
                self.recipe,
                *states,
                self.best_state,
                self.best,
                now.step,
                now.seconds,
                now.loss,
                self.frames.count,
            ),
            self.directory,
        )
        self.saved = time.monotonic()


def fit(
    model: nn.Module,
    recipe: Recipe,
    directory: Path,
    *,
    before: Checkpoint | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Train a model by a recipe, drawing frames into `directory`; Ctrl-C ends it early and keeps the best.

    Args:
        model: build(2, 1), on the device to train on.
        recipe: what to do.
        directory: the submission's; frames/ and a checkpoint are written.
        before: what to go on from. The points are then others than those an unbroken training would see.
        report: told of every step.
    """
    run = _Run(model, recipe, directory, before)
    stream = Stream(recipe, run.now.step)
    next_check = run.now.done
    interrupted = False
    try:
        # The clock counts training alone: not the wait for compiled code here, nor pictures and checks.
        batch = next(stream)
        while True:
            if run.frames.due(run.now.done):
                run.frames.draw(model.eval())
            if run.now.done >= next_check or run.now.done >= 1:
                run.look()
                next_check = run.now.done + 1 / CHECKS
            report(run.now)
            if run.now.done >= 1:
                break
            if time.monotonic() - run.saved > CHECKPOINT_SECONDS:
                run.save()
            began = time.monotonic()
            loss = run.step(batch, stream)
            batch = next(stream)
            run.advance(loss, time.monotonic() - began)
    except KeyboardInterrupt:
        interrupted = True
        run.look()
        run.save()
    finally:
        stream.close()
    if not interrupted:
        checkpoint.forget(directory)
    return Outcome(run.best_state, run.best, run.now, interrupted)


def _stored(model: nn.Module, recipe: Recipe) -> dict[str, Tensor]:
    dtype = getattr(torch, recipe.store)
    return {
        name: (tensor.detach().to(dtype) if tensor.dtype == torch.float32 else tensor.detach()).cpu().clone()
        for name, tensor in model.state_dict().items()
    }
