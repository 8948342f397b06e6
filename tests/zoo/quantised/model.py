"""A network whose matrices are kept in eight bits, with a scale for each row, as phones keep them.

`fit` goes on from the codes in floating point, and rounds to codes again when it has finished.
"""

import time
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

WIDTH = 128
BATCH = 512
RATE = 2e-3
CODES = 127


class Eight(nn.Module):
    """A linear layer whose weights are eight-bit codes times the scale of their row."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.scale = nn.Parameter(torch.ones(out_features, 1))
        self.bias = nn.Parameter(torch.zeros(out_features))
        self.write(nn.Linear(in_features, out_features))

    def write(self, layer: nn.Linear) -> None:
        """Round a layer to codes."""
        with torch.no_grad():
            self.scale.copy_(layer.weight.abs().amax(1, keepdim=True).clamp(min=1e-12) / CODES)
            self.codes.copy_((layer.weight / self.scale).round().to(torch.int8))
            self.bias.copy_(layer.bias)

    def read(self) -> nn.Linear:
        """The layer in floating point."""
        layer = nn.Linear(self.codes.shape[1], self.codes.shape[0])
        with torch.no_grad():
            layer.weight.copy_(self.codes * self.scale)
            layer.bias.copy_(self.bias)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.codes * self.scale, self.bias)


def fit(model: nn.Sequential, x: Tensor, y: Tensor, budget: Any) -> None:
    """AdamW on the layers in floating point; mean squared error, or cross-entropy for classes."""
    began = time.monotonic()
    floating = nn.Sequential(*(part.read() if isinstance(part, Eight) else part for part in model))
    optimiser = torch.optim.AdamW(floating.parameters(), lr=RATE, weight_decay=0.0)
    steps = budget.steps or 10**9
    loss_of = nn.functional.cross_entropy if budget.task == "classification" else nn.functional.mse_loss
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, min(steps, 100_000), RATE / 100)
    for _ in range(steps):
        if budget.seconds is not None and time.monotonic() - began > 0.9 * budget.seconds:
            break
        rows = torch.randint(len(x), (BATCH,))
        optimiser.zero_grad()
        loss_of(floating(x[rows]), y[rows]).backward()
        optimiser.step()
        schedule.step()
    for part, learned in zip(model, floating, strict=True):
        if isinstance(part, Eight):
            part.write(learned)


def build(in_features: int, out_features: int) -> nn.Module:
    """Three hidden layers."""
    sizes = (in_features, WIDTH, WIDTH, WIDTH)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [Eight(before, after), nn.GELU()]
    return nn.Sequential(*layers, Eight(WIDTH, out_features))
