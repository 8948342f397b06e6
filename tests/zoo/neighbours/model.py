"""k nearest neighbours: `fit` keeps samples in buffers, `forward` averages the nearest, on top of a line.

The samples are what was learned, so they are its weights. Distances are summed directly: the faster way by a
matrix product rounds differently from batch to batch, and would change which neighbour is the nearest. Where
inputs are many, `fit` first learns how much each of them counts in a distance.
"""

import time
from typing import Any

import torch
from torch import Tensor, nn

SAMPLES = 8192
NEIGHBOURS = 5
CHUNK = 512
RIDGE = 1e-3
FEW_INPUTS = 4
LEARNING_STEPS = 200


class Neighbours(nn.Module):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.register_buffer("x", torch.rand(SAMPLES, in_features) * 2 - 1)
        self.register_buffer("rest", torch.zeros(SAMPLES, out_features))
        self.register_buffer("counts", torch.ones(in_features))
        self.line = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._answer(part) for part in x.split(CHUNK)])

    def _answer(self, x: Tensor) -> Tensor:
        apart = torch.cdist(x * self.counts, self.x, compute_mode="donot_use_mm_for_euclid_dist")
        near, which = apart.topk(min(NEIGHBOURS, len(self.x)), largest=False)
        weight = 1 / (near**2 + 1e-12)
        weight = weight / weight.sum(1, keepdim=True)
        return self.line(x) + (self.rest[which] * weight[..., None]).sum(1)


def counting(x: Tensor, rest: Tensor, seconds: float) -> Tensor:
    """How much each input counts: what brings the mean of other samples nearest to each sample."""
    began = time.monotonic()
    inputs = x.shape[1]
    scale = torch.full((inputs,), 2.0 / inputs**0.5, requires_grad=True)
    optimiser = torch.optim.Adam([scale], lr=0.05 / inputs**0.5)
    generator = torch.Generator().manual_seed(0)
    for _ in range(LEARNING_STEPS):
        if time.monotonic() - began > seconds:
            break
        rows = torch.randperm(len(x), generator=generator)[:1024]
        asked, known = rows[:256], rows[256:]
        apart = torch.cdist(x[asked] * scale, x[known] * scale) ** 2
        loss = ((torch.softmax(-4 * apart, 1) @ rest[known] - rest[asked]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return scale.detach().abs()


def fit(model: nn.Module, x: Tensor, y: Tensor, budget: Any) -> None:
    """A line by ridge regression, and the samples with what the line leaves; at most SAMPLES of them."""
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:SAMPLES]
    x, y = x[rows].float(), y[rows].float()
    design = torch.cat([x, torch.ones_like(x[:, :1])], 1).double()
    gram = design.T @ design + RIDGE * len(x) * torch.eye(design.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(gram, design.T @ y.double()).float()
    with torch.no_grad():
        model.line.weight.copy_(solved[:-1].T)
        model.line.bias.copy_(solved[-1])
        rest = y - model.line(x)
    if x.shape[1] > FEW_INPUTS:
        model.counts = counting(x, rest, (budget.seconds or 60.0) / 2)
    model.x, model.rest = x * model.counts, rest


def build(in_features: int, out_features: int) -> nn.Module:
    """No samples yet: random places that say nothing."""
    return Neighbours(in_features, out_features)
