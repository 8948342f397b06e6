"""The trainer behind `mbc train`: gradient descent with validation, frames, and checkpoints to resume from.

A model that is not trained by gradient descent can provide a method `learner()` that returns a `Learner`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from challenge.bundle.train_config import TrainConfig
from challenge.scoring.metrics import errors
from challenge.training import checkpoint
from challenge.training.batches import Batch, BatchStream
from challenge.training.checkpoint import Checkpoint
from challenge.training.local_model import predict, require_output_shape
from challenge.training.refit import Descent, cosine, stored_state
from challenge.training.snapshots import DRAWING_SHARE, SnapshotWriter
from challenge.training.zoom_samples import draw_zoom_points

Array = NDArray[np.float64]

VALIDATION_CHAINS: Final = 24
VALIDATION_OCTAVES: Final = 16
# A fixed seed of its own, so that validation points are never trained on.
VALIDATION_SEED: Final = 0x6D6263
VALIDATIONS: Final = 8
# Gains below this are within the noise of the validation set.
IMPROVEMENT_MARGIN: Final = 0.01
CHECKPOINT_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Attributes:
        step: optimiser steps done.
        done: used share of the budget.
        seconds: training time since the start.
        loss: smoothed over the last batches; estimates 1 - skill if weighted by variance. NaN at first.
        learning_rate: of the last step.
        points_per_second: since the start.
        octaves: of the last validation; NaN before the first.
        improving: the deepest octave that improved in the last validation; None if none did.
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
class TrainingResult:
    """Result of a training.

    Attributes:
        state: state dict of the best validated weights, in the storage dtype, on the CPU.
        octaves: their octaves on the validation set; accurate to about half an octave.
        progress: at the end.
        interrupted: whether Ctrl-C ended it.
    """

    state: dict[str, Tensor]
    octaves: float
    progress: Progress
    interrupted: bool


class Learner(Protocol):
    """Trains a model from batches, instead of a gradient-based optimiser."""

    def step(self, x: Tensor, t: Tensor, weight: Tensor, done: float) -> Tensor:
        """Update the model from x (n, 2), t (n, 1) and the weight (n,) of each squared error.

        `done` is the used share of the budget. Returns the errors (n, 1) before the update.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """State besides the model's, for a checkpoint."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        ...


class ValidationSet:
    """A small evaluation set, of which the octaves are estimated while training."""

    def __init__(self) -> None:
        self.points = draw_zoom_points(
            np.random.default_rng(VALIDATION_SEED), VALIDATION_CHAINS, VALIDATION_OCTAVES - 1
        )

    def skill(self, model: nn.Module) -> Array:
        """Mean skill of the views of each octave, (VALIDATION_OCTAVES,)."""
        return self.skill_of(predict(model, self.points.x))

    def skill_of(self, answers: Array) -> Array:
        """The same of the answers (n,) at `points.x`."""
        p = self.points
        wrong = errors(p.t, answers) ** 2 / p.variance
        counts = np.bincount(p.view)
        seen = counts > 0
        skill = np.maximum(1 - np.bincount(p.view, wrong)[seen] / counts[seen], 0.0)
        octave = np.flatnonzero(seen) // VALIDATION_CHAINS
        by_octave: Array = np.bincount(octave, skill) / np.bincount(octave)
        return by_octave


class _Run:
    """One training: the model, its optimiser and their progress."""

    def __init__(
        self,
        model: nn.Module,
        recipe: TrainConfig,
        directory: Path,
        before: Checkpoint | None,
        drawing: float,
    ) -> None:
        self.model, self.recipe, self.directory = model, recipe, directory
        self.dtype: torch.dtype = getattr(torch, recipe.store)
        self.descent = Descent(
            model,
            recipe.learning_rate,
            recipe.epsilon,
            bfloat16=recipe.precision == "bfloat16",
            check=require_output_shape,
        )
        self.optimiser: torch.optim.Optimizer | Learner = self.descent.optimiser
        self.validation, self.skill = ValidationSet(), np.zeros(VALIDATION_OCTAVES)
        self.best_state, self.best = stored_state(model, self.dtype), -1.0
        self.now = Progress(0, 0.0, 0.0, math.nan, recipe.learning_rate, 0.0, math.nan)
        if before is not None:
            model.load_state_dict(before.model)
            self.optimiser.load_state_dict(before.optimiser)
            self.best_state, self.best = before.best_state, before.best
            self.now = self._at(before.step, before.seconds, before.loss)
        self.frames = SnapshotWriter(directory, before.frames if before else 0, self.now.done, drawing)
        self.saved = time.monotonic()

    def validate(self) -> None:
        """Measure the octaves of the weights in their storage dtype, and keep a copy if they are the best."""
        state = stored_state(self.model, self.dtype)
        present = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(state)
        skill = self.validation.skill(self.model.eval())
        self.model.load_state_dict(present)
        better = np.flatnonzero(skill > self.skill + IMPROVEMENT_MARGIN)
        self.skill = skill
        self.now = replace(
            self.now, octaves=float(skill.sum()), improving=int(better[-1]) if better.size else None
        )
        if skill.sum() > self.best:
            self.best_state, self.best = state, float(skill.sum())

    def step(self, batch: Batch, stream: BatchStream) -> float:
        """Do one step of the optimiser or of the model's own learner; returns the loss."""
        wrong, loss = self.descent.step(batch.x, batch.t, batch.weight, self.now.done)
        stream.record_error(batch, wrong)
        return loss

    def advance(self, loss: float, seconds: float) -> None:
        """Update the progress after a step that took `seconds`."""
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

    def moment(self) -> dict[str, str]:
        """Step, seconds, octaves and, after the first step, the loss of the model as it is, for a frame."""
        now = self.now
        # `validate` chooses the weights to keep, and the number of frames depends on the clock.
        octaves = float(self.validation.skill(self.model.eval()).sum())
        known = {"step": now.step, "seconds": now.seconds, "loss": now.loss, "octaves": octaves}
        return {name: f"{value:.6g}" for name, value in known.items() if math.isfinite(value)}

    def save(self) -> None:
        """Write a checkpoint to resume from."""
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


def train_model(
    model: nn.Module,
    recipe: TrainConfig,
    directory: Path,
    *,
    before: Checkpoint | None = None,
    drawing: float = DRAWING_SHARE,
    report: Callable[[Progress], None] = lambda _: None,
) -> TrainingResult:
    """Train a model and draw frames into `directory`; Ctrl-C ends it early and keeps the best weights.

    Args:
        model: build(2, 1), on the device to train on.
        recipe: settings.
        directory: the submission's; frames/ and a checkpoint are written there.
        before: checkpoint to resume from. A resumed training sees other points than an uninterrupted one.
        drawing: share of the time that may go into frames.
        report: called after every step.

    Raises:
        EvaluationError: the model's output has the wrong shape.
        OSError: frames or checkpoint cannot be written.
    """
    run = _Run(model, recipe, directory, before, drawing)
    stream = BatchStream(recipe, run.now.step)
    next_validation = run.now.done
    interrupted = False
    try:
        # The clock counts training only: no compilation (this waits for it), validation or pictures.
        batch = next(stream)
        while True:
            if run.frames.due(run.now.done, run.now.seconds):
                run.frames.draw(model.eval(), run.moment)
            if run.now.done >= next_validation or run.now.done >= 1:
                run.validate()
                next_validation = run.now.done + 1 / VALIDATIONS
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
        run.validate()
        run.save()
    finally:
        stream.close()
    if not interrupted:
        checkpoint.remove(directory)
    return TrainingResult(run.best_state, run.best, run.now, interrupted)
