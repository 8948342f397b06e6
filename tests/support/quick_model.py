"""The quickest honest submission there is: cosines of random directions, and a linear solve as its fit."""

import time

import torch
from torch import nn

WIDTH = 192
# A sandbox of it is there long enough to be killed.
time.sleep(0.5)


class Learner(nn.Module):
    """Raw inputs and random cosines of them, and one linear layer."""

    def __init__(self, in_features, out_features):
        super().__init__()
        chance = torch.Generator().manual_seed(7)
        scale = 6.0 if in_features < 5 else 0.2
        self.register_buffer("directions", scale * torch.randn(in_features, WIDTH, generator=chance))
        self.register_buffer("phases", 6.3 * torch.rand(WIDTH, generator=chance))
        self.out = nn.Linear(in_features + WIDTH, out_features)

    def features(self, x):
        return torch.cat([x, torch.cos(x @ self.directions + self.phases)], dim=1)

    def forward(self, x):
        return self.out(self.features(x))


def build(in_features, out_features):
    return Learner(in_features, out_features)


def fit(model, x, y, budget):
    with torch.no_grad():
        f = torch.cat([model.features(x), torch.ones(len(x), 1)], dim=1).double()
        gram = f.T @ f + 1e-3 * torch.eye(f.shape[1], dtype=torch.float64)
        solved = torch.linalg.solve(gram, f.T @ y.double())
        model.out.weight.copy_(solved[:-1].T)
        model.out.bias.copy_(solved[-1])
