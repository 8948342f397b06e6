"""k nearest neighbours: `fit` keeps samples in buffers, `forward` averages the nearest, on top of a line.

The samples are what was learned, so they are its weights. Distances are summed directly: the faster way by a
matrix product rounds differently from batch to batch, and would change which neighbour is the nearest.
"""

import torch
from torch import Tensor, nn

SAMPLES = 8192
NEIGHBOURS = 5
CHUNK = 512
RIDGE = 1e-3


class Neighbours(nn.Module):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.register_buffer("x", torch.rand(SAMPLES, in_features) * 2 - 1)
        self.register_buffer("rest", torch.zeros(SAMPLES, out_features))
        self.line = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._answer(part) for part in x.split(CHUNK)])

    def _answer(self, x: Tensor) -> Tensor:
        apart = torch.cdist(x, self.x, compute_mode="donot_use_mm_for_euclid_dist")
        near, which = apart.topk(min(NEIGHBOURS, len(self.x)), largest=False)
        weight = 1 / (near**2 + 1e-12)
        weight = weight / weight.sum(1, keepdim=True)
        return self.line(x) + (self.rest[which] * weight[..., None]).sum(1)


def fit(model: nn.Module, x: Tensor, y: Tensor, budget: object) -> None:
    """A line by ridge regression, and the samples with what the line leaves; at most SAMPLES of them."""
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:SAMPLES]
    x, y = x[rows].float(), y[rows].float()
    design = torch.cat([x, torch.ones_like(x[:, :1])], 1).double()
    gram = design.T @ design + RIDGE * len(x) * torch.eye(design.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(gram, design.T @ y.double()).float()
    with torch.no_grad():
        model.line.weight.copy_(solved[:-1].T)
        model.line.bias.copy_(solved[-1])
        model.x, model.rest = x.clone(), y - model.line(x)


def build(in_features: int, out_features: int) -> nn.Module:
    """No samples yet: random places that say nothing."""
    return Neighbours(in_features, out_features)
