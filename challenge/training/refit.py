"""The platform's trainer (specification, section 5). It needs only torch and the standard library.

The judge binds this single file into the sandbox, so it must not import anything else of this project.
"""

import importlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

BATCH = 512
LEARNING_RATE = 1e-3
# Problems with few inputs tolerate and need larger steps.
LEARNING_RATE_FEW_INPUTS = 2e-3
FEW_INPUTS = 100
FINAL_SHARE = 0.01
PROGRESS_EVERY = 50
# Number of checkpoints within a budget.
CHECKPOINTS = 32

# Dtypes that inputs can have; of 8-bit floats there is no arithmetic.
INPUT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# What inputs of a module with complex parameters alone get.
REAL_PARTS = {
    torch.complex32: torch.float16,
    torch.complex64: torch.float32,
    torch.complex128: torch.float64,
}
LAZY_POINTS = 4

REGRESSION = "regression"
CLASSIFICATION = "classification"


def _ignore(_: object) -> None:
    """Default callback."""


@dataclass(frozen=True)
class Budget:
    """How long a fit may take: optimiser steps, seconds, or whichever of the two ends first.

    Attributes:
        steps: optimiser steps; None where only the seconds count.
        seconds: wall time; None where only the steps count.
        task: "regression" (mean squared error) or "classification" (cross-entropy).
        checkpoint: stores a copy of the model's weights, which count if the fit fails or runs over time.
            Only the samples track stores them; elsewhere the call does nothing.
        report: reports the fit's own loss for display. Only the samples track shows it.
    """

    steps: int | None = None
    seconds: float | None = None
    task: str = REGRESSION
    checkpoint: Callable[[nn.Module], None] = field(default=_ignore, repr=False, compare=False)
    report: Callable[[float], None] = field(default=_ignore, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None:
            raise ValueError("a budget needs steps, seconds or both")
        if self.task not in {REGRESSION, CLASSIFICATION}:
            raise ValueError(f'a task is "{REGRESSION}" or "{CLASSIFICATION}", not {self.task!r}')


def input_format(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and dtype of a model's inputs.

    The dtype is float64 if the module has `wants_float64 = True`; else that of the first real parameter of 16
    or more bits, else the real counterpart of the first complex one, else float32. The device is that of the
    first parameter or buffer of any dtype, else the CPU.
    """
    first = next(chain(model.parameters(), model.buffers()), None)
    device = torch.device("cpu") if first is None else first.device
    if getattr(model, "wants_float64", False) is True:
        return device, torch.float64
    dtypes = [parameter.dtype for parameter in model.parameters()]
    real = [dtype for dtype in dtypes if dtype in INPUT_DTYPES]
    parts = [REAL_PARTS[dtype] for dtype in dtypes if dtype in REAL_PARTS]
    return device, next(iter(real + parts), torch.float32)


def initialize_lazy(model: nn.Module, in_features: int) -> None:
    """Give lazy layers their shapes by a forward pass of a few points; other models are not touched.

    Raises:
        Exception: whatever `forward` raises.
        ValueError: the forward pass did not reach all lazy layers.
    """
    tensors = [*model.parameters(), *model.buffers()]
    if not any(is_lazy(tensor) for tensor in tensors):
        return
    points = torch.linspace(-1.0, 1.0, LAZY_POINTS * in_features).reshape(LAZY_POINTS, in_features)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        model(cast(model, points))
    model.train(was_training)
    names = [name for name, tensor in model.named_parameters() if is_lazy(tensor)]
    if names:
        raise ValueError(f"{', '.join(names)} still has no shape: call forward once in build")


@contextmanager
def eager_mode() -> Iterator[None]:
    """Within it, torch.compile returns what it is given: the same function, without a compiler.

    A compiled module has other names in its state dict, and compiling needs tools that a sandbox lacks.
    """

    def compile_nothing(model: Any = None, *_args: Any, **_rest: Any) -> Any:
        return (lambda function: function) if model is None else model

    real, method = torch.compile, nn.Module.compile
    torch.compile = compile_nothing
    nn.Module.compile = lambda self, *_args, **_rest: self  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.compile = real
        nn.Module.compile = method  # type: ignore[method-assign]


class _NoCompiler(ModuleType):
    """What optimisers ask of torch._dynamo: to keep away from them. Anything else gets the real one."""

    __spec__ = None

    @staticmethod
    def disable(function: Any = None, *_args: Any, **_rest: Any) -> Any:
        """As if it were disabled."""
        return function

    @staticmethod
    def graph_break(*_args: Any, **_rest: Any) -> None:
        """There is no graph."""

    def __getattr__(self, name: str) -> Any:
        _forget_compiler()
        return getattr(importlib.import_module("torch._dynamo"), name)


def _forget_compiler() -> None:
    if isinstance(sys.modules.get("torch._dynamo"), _NoCompiler):
        del sys.modules["torch._dynamo"]
        torch.__dict__.pop("_dynamo", None)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Within it, torch's optimisers do not import its compiler, unless something else asks for that."""
    # The first step of an optimiser imports torch._dynamo, which takes as long as torch itself, to call what
    # does nothing outside a compiled graph.
    if "torch._dynamo" not in sys.modules:
        sys.modules["torch._dynamo"] = torch.__dict__["_dynamo"] = _NoCompiler("torch._dynamo")
    try:
        yield
    finally:
        _forget_compiler()


def cast(model: nn.Module, x: Tensor) -> Tensor:
    """Inputs (n, in) on the model's device and in its dtype, see `input_format`."""
    device, dtype = input_format(model)
    # One after the other: Apple's GPUs have no float64, not even to convert from.
    return x.to(dtype).to(device)


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    budget: Budget,
    *,
    seed: int = 0,
    progress: Callable[[float, float], None] | None = None,
) -> None:
    """Fit a model in place: AdamW without weight decay, batches of 512, cosine schedule to 1 %.

    The same seed, data and number of steps give the same weights on the same machine. Batches are drawn
    with replacement. The schedule follows the steps if the budget has them, else the clock.

    Args:
        model: left in eval mode. A model without trainable parameters is not changed.
        x: (n, in) in [-1, 1].
        y: (n, out) in [0, 1]; one-hot rows for classes.
        budget: when to stop.
        seed: of the batches, and of random numbers that the model draws in training.
        progress: called every `PROGRESS_EVERY` steps with the used share of the budget and the batch's loss.

    Raises:
        ValueError: the shapes of x and y, or of the model's output and y, do not match.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) == 0:
        raise ValueError(f"x must be (n, in) and y (n, out), not {tuple(x.shape)} and {tuple(y.shape)}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        model.eval()
        return
    started = time.monotonic()
    peak = LEARNING_RATE_FEW_INPUTS if x.shape[1] < FEW_INPUTS else LEARNING_RATE
    optimiser = torch.optim.AdamW(parameters, lr=peak, weight_decay=0.0)
    x = cast(model, x)
    y = y.to(x.device)
    batches = torch.Generator().manual_seed(seed)
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        step, kept = 0, 0
        while (done := _done(budget, step, time.monotonic() - started)) is not None:
            for group in optimiser.param_groups:
                group["lr"] = peak * cosine(done)
            rows = torch.randint(len(x), (BATCH,), generator=batches).to(x.device)
            loss = _loss(model(x[rows]), y[rows], budget.task)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
            optimiser.step()
            if step % PROGRESS_EVERY == 0:
                now = float(loss.detach())
                budget.report(now)
                if progress is not None:
                    progress(done, now)
                # The first checkpoint is immediate, so that a slow model has at least one.
                if int(done * CHECKPOINTS) >= kept:
                    budget.checkpoint(model)
                    kept = int(done * CHECKPOINTS) + 1
            step += 1
    model.eval()


class Descent:
    """A model and what updates it from batches, as `mbc train` does: AdamW, or the model's own `learner()`.

    Args:
        model: build(2, 1), on the device to train on.
        learning_rate: at the start; it falls to a hundredth along a cosine.
        epsilon: of Adam.
        bfloat16: whether matrix products have that precision.
        check: given the output of forward and the number of points; returns it, or raises.
    """

    def __init__(
        self,
        model: nn.Module,
        learning_rate: float,
        epsilon: float,
        *,
        bfloat16: bool,
        check: Callable[[Any, int], Tensor],
    ) -> None:
        self._model, self._rate, self._bfloat16, self._check = model, learning_rate, bfloat16, check
        own: Any = getattr(model, "learner", None)
        self.optimiser: Any = (
            own()
            if callable(own)
            else torch.optim.AdamW(
                [p for p in model.parameters() if p.requires_grad],
                lr=learning_rate,
                weight_decay=0.0,
                eps=epsilon,
            )
        )

    def step(self, x: Tensor, t: Tensor, weight: Tensor, done: float) -> tuple[Tensor, float]:
        """Do one step.

        Args:
            x: (n, 2) float64 unit coordinates.
            t: (n, 1) their targets.
            weight: (n, 1) of each squared error.
            done: used share of the budget.

        Returns:
            The errors (n, 1) before the step, and the loss.
        """
        self._model.train()
        x = cast(self._model, x)
        t, weight = t.to(x), weight.to(x)
        if isinstance(self.optimiser, torch.optim.Optimizer):
            wrong = self._descend(self.optimiser, x, t, weight, done)
        else:
            with torch.no_grad():
                wrong = self._check(self.optimiser.step(x, t, weight[:, 0], done), len(x))
        return wrong, float((weight * wrong**2).mean())

    def _descend(
        self, optimiser: torch.optim.Optimizer, x: Tensor, t: Tensor, weight: Tensor, done: float
    ) -> Tensor:
        for group in optimiser.param_groups:
            group["lr"] = self._rate * cosine(done)
        precision: AbstractContextManager[object] = (
            torch.autocast(x.device.type, dtype=torch.bfloat16) if self._bfloat16 else nullcontext()
        )
        with precision:
            answer = self._check(self._model(x), len(x))
        if answer.dtype in {torch.bfloat16, torch.float16}:
            answer = answer.float()
        wrong = answer - t.to(answer.dtype)
        optimiser.zero_grad(set_to_none=True)
        loss = (weight.to(answer.dtype) * wrong**2).mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        optimiser.step()
        return wrong.detach()


def stored_state(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """A copy of a model's state dict on the CPU, with its float32 tensors in the dtype of the file."""
    return {
        name: (tensor.detach().to(dtype) if tensor.dtype == torch.float32 else tensor.detach()).cpu().clone()
        for name, tensor in model.state_dict().items()
    }


def cosine(done: float) -> float:
    """Learning rate as a share of its peak, from 1 to 0.01, at share `done` in [0, 1] of the training."""
    return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def _done(budget: Budget, step: int, seconds: float) -> float | None:
    """Used share of the budget; None when it is used up."""
    if budget.seconds is not None and seconds >= budget.seconds:
        return None
    if budget.steps is not None:
        return step / budget.steps if step < budget.steps else None
    return seconds / budget.seconds if budget.seconds is not None else None


def _loss(answer: Tensor, y: Tensor, task: str) -> Tensor:
    # The squares of small errors underflow in half precision.
    if answer.dtype in {torch.float16, torch.bfloat16}:
        answer = answer.float()
    y = y.to(answer.dtype)
    if answer.shape != y.shape:
        # Broadcasting (n, 1) against (n,) would silently train on wrong pairs.
        raise ValueError(f"the model answers {tuple(answer.shape)} where {tuple(y.shape)} is expected")
    if task == CLASSIFICATION:
        return nn.functional.cross_entropy(answer, y)
    return nn.functional.mse_loss(answer, y)
