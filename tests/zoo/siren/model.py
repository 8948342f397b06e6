"""SIREN: sines as activations, with the paper's initial weights; slower waves where inputs are many."""

import math

import torch
from torch import Tensor, nn

WIDTH = 96
LAYERS = 3


class Sine(nn.Module):
    def __init__(self, in_features: int, out_features: int, speed: float, bound: float) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.speed = speed
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.speed * self.linear(x))


def build(in_features: int, out_features: int) -> nn.Module:
    """Three layers of sines, then a linear one."""
    speed = max(1.0, 20 / in_features)
    layers: list[nn.Module] = [Sine(in_features, WIDTH, speed, 1 / math.sqrt(in_features))]
    layers += [Sine(WIDTH, WIDTH, 1.0, math.sqrt(6 / WIDTH)) for _ in range(LAYERS - 1)]
    return nn.Sequential(*layers, nn.Linear(WIDTH, out_features))
