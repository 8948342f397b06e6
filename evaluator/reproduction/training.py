"""Repeat a training by its train.toml, as `mbc train` does, with the stranger's model in a sandbox.

The judge draws points, counts steps and time, and validates; the sandbox has the model and its optimiser, and
gets one batch at a time. What is validated and kept are states that were loaded into a second sandbox.

Where train.toml names the author's own train.py, the sandbox gets the whole sample at once and so many
seconds; what the model is when `train` returns is measured.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch

from challenge.bundle.reader import Bundle
from challenge.bundle.train_config import TrainConfig, parse_train_config
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.batches import BatchStream
from challenge.training.own_training import FUNCTION, budget_of, draw_sample
from challenge.training.trainer import VALIDATIONS, ValidationSet
from challenge.util.exit_codes import TrainConfigError
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session

# Processor time of a sandbox, for each second and thread of the longest training.
ROOM: Final = 4.0


@dataclass(frozen=True)
class Repeated:
    """What came of it.

    Attributes:
        weights: the best validated state, as a file.
        octaves: on the trainer's validation set.
        steps: of the optimiser.
        seconds: of training alone, as `mbc train` counts them.
    """

    weights: bytes
    octaves: float
    steps: int
    seconds: float


def recipe_of(bundle: Bundle) -> TrainConfig:
    """The recipe that a bundle names.

    Raises:
        TrainConfigError: it has none, or one that cannot be read.
    """
    if not bundle.train:
        raise TrainConfigError(
            "The bundle has no train.toml, so no training can be repeated: only the samples track is left."
        )
    return parse_train_config(bundle.train)


def repeat_training(
    bundle: Bundle,
    sandbox: Sandbox,
    limits: Limits,
    *,
    device: str,
    most_seconds: float,
    report: Callable[[float, str], None],
) -> Repeated:
    """Train build(2, 1) from scratch by the bundle's recipe.

    Args:
        bundle: its weights are not used.
        sandbox: where the model is.
        limits: of other sandboxes here; those of a training live longer.
        device: "auto", "cpu" or "cuda".
        most_seconds: by the clock on the wall; TIME_EXCEEDED after that.
        report: called with the used share of the budget and a line for people.

    Raises:
        TrainConfigError: there is no recipe that can be read.
        EvaluationError: the model's code fails, or takes too long.
    """
    recipe = recipe_of(bundle)
    code = bundle.without_weights()
    longer = replace(
        limits, total_seconds=most_seconds, cpu_seconds=int(ROOM * most_seconds * limits.threads) + 1
    )
    if recipe.trainer == "train.py":
        return _repeat_own(recipe, code, sandbox, longer, device, report)
    with ExitStack() as stack:
        learner, judge = (
            stack.enter_context(sandbox.start(code, limits=longer, device=device)) for _ in range(2)
        )
        learner.build(2, 1, recipe.seed)
        learner.begin_recipe(
            recipe.learning_rate,
            recipe.epsilon,
            bfloat16=recipe.precision == "bfloat16",
            store_float16=recipe.store == "float16",
        )
        stream = BatchStream(recipe)
        stack.callback(stream.close)
        return _Training(recipe, learner, judge, report).run(stream)


def _repeat_own(
    recipe: TrainConfig,
    code: Bundle,
    sandbox: Sandbox,
    limits: Limits,
    device: str,
    report: Callable[[float, str], None],
) -> Repeated:
    """Let the author's train.py train, in the place of the `fit` of model.py."""
    if "train.py" not in code.files:
        raise TrainConfigError('train.toml says trainer = "train.py", and the bundle has no train.py.')
    calling = code.files["model.py"] + f"\nfrom train import {FUNCTION} as fit\n".encode()
    x, t = draw_sample(recipe)
    watch = _OwnTraining(recipe.seconds, report)
    with sandbox.start(
        replace(code, files=code.files | {"model.py": calling}), limits=limits, device=device
    ) as learner:
        learner.build(2, 1, recipe.seed)
        try:
            seconds = learner.fit(x, t, budget_of(recipe), recipe.seed, watch)
        except EvaluationError as error:
            detail = f"{error.detail} It was training by train.py.".strip()
            raise EvaluationError(error.reason, detail, error.private) from error
    with sandbox.start(code, limits=limits, device=device) as judge:
        judge.load(watch.state)
        octaves = _octaves(judge, ValidationSet())
    report(1.0, f"about {octaves:.2f} octaves after {seconds:.0f} s of train.py")
    return Repeated(watch.state, octaves, 0, seconds)


class _OwnTraining:
    """Keeps what the model is at the end, or was at its last checkpoint."""

    def __init__(self, seconds: float, report: Callable[[float, str], None]) -> None:
        self._seconds, self._report = seconds, report
        self.state = b""

    def checkpoint(self, state: bytes, seconds: float) -> None:
        del seconds
        self.state = state

    def loss(self, loss: float, seconds: float) -> None: ...

    def waiting(self, seconds: float) -> None:
        self._report(min(1.0, seconds / self._seconds), f"train.py has run for {seconds:.0f} s")


def _octaves(judge: Session, validation: ValidationSet) -> float:
    octaves = float(validation.skill_of(judge.predict(validation.points.x)[:, 0]).sum())
    if not np.isfinite(octaves):
        raise EvaluationError(Reason.OUTPUT_NOT_FINITE)
    return octaves


class _Training:
    """One training under way."""

    def __init__(
        self,
        recipe: TrainConfig,
        learner: Session,
        judge: Session,
        report: Callable[[float, str], None],
    ) -> None:
        self._recipe, self._learner, self._judge, self._report = recipe, learner, judge, report
        self._validation = ValidationSet()
        self._best = Repeated(b"", -1.0, 0, 0.0)

    def run(self, stream: BatchStream) -> Repeated:
        """The same loop as that of `mbc train`, without pictures and checkpoints."""
        step, seconds, next_validation = 0, 0.0, 0.0
        batch = next(stream)
        while True:
            done = self._done(step, seconds)
            if done >= next_validation or done >= 1:
                self._validate(step, seconds, done)
                next_validation = done + 1 / VALIDATIONS
            if done >= 1:
                return replace(self._best, steps=step, seconds=seconds)
            began = time.monotonic()
            wrong = self._learner.step(
                batch.x.numpy(), batch.t[:, 0].numpy(), batch.weight[:, 0].numpy(), done
            )
            # The child's word, which can do no more than lead to other points.
            known = np.nan_to_num(np.abs(wrong), nan=1.0, posinf=1.0).clip(0.0, 1.0)
            stream.record_error(batch, torch.from_numpy(known[:, None]))
            batch = next(stream)
            step, seconds = step + 1, seconds + time.monotonic() - began

    def _done(self, step: int, seconds: float) -> float:
        recipe = self._recipe
        if recipe.seconds and seconds >= recipe.seconds:
            return 1.0
        return min(1.0, step / recipe.steps if recipe.steps else seconds / recipe.seconds)

    def _validate(self, step: int, seconds: float, done: float) -> None:
        state = self._learner.state()
        self._judge.load(state)
        octaves = _octaves(self._judge, self._validation)
        if octaves > self._best.octaves:
            self._best = Repeated(state, octaves, step, seconds)
        self._report(done, f"about {octaves:.2f} octaves after {step:,} steps, {seconds:.0f} s")
