"""Gaussians whose places and widths are learned, beside the raw inputs, then a small network."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTH = 48
# Of two layers where inputs are many, and every Gaussian is far from nearly every point.
MANY, MANY_WIDTH = 5, 96
GAUSSIANS = 256


class Radial(nn.Module):
    """(n, d) -> (n, d + GAUSSIANS)."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.rand(GAUSSIANS, in_features) * 2 - 1)
        # About as wide as the way to the next one; in many dimensions everything is far from everything.
        apart = 2 / GAUSSIANS ** (1 / in_features) if in_features <= 4 else math.sqrt(in_features)
        self.narrowness = nn.Parameter(torch.full((GAUSSIANS,), -math.log(apart)))
        self.out_features = in_features + GAUSSIANS

    def forward(self, x: Tensor) -> Tensor:
        squares = (x**2).sum(1, keepdim=True) + (self.places**2).sum(1) - 2 * x @ self.places.T
        return torch.cat([x, torch.exp(-0.5 * squares * torch.exp(2 * self.narrowness))], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Gaussians and network."""
    features = Radial(in_features)
    widths = [MANY_WIDTH] * 2 if in_features >= MANY else [WIDTH]
    layers: list[nn.Module] = [features]
    for before, after in pairwise([features.out_features, *widths]):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], out_features))
