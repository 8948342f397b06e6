"""A network of sines (SIREN), initialised so that every layer keeps the distribution of what it is given."""

import math

import torch
from torch import Tensor, nn

WIDTH = 160
LAYERS = 3
# How fast sines wave in the first layer and in the others: radians for a weight as large as its bound.
FIRST, HIDDEN = 30.0, 10.0
# Where inputs are few. Many make waves by themselves: then fast ones tell no two points alike, and one step
# of an optimiser, on all weights at once, would turn them by many periods.
FEW = 4
GENTLE = 1.0


class Sine(nn.Module):
    """sin(frequency * (W x + b))."""

    def __init__(self, in_features: int, out_features: int, frequency: float, reach: float) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.frequency = frequency
        nn.init.uniform_(self.linear.weight, -reach, reach)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.frequency * self.linear(x))


def build(in_features: int, out_features: int) -> nn.Module:
    """Sines all the way, and one linear map at the end."""
    few = in_features <= FEW
    first, hidden = (FIRST, HIDDEN) if few else (GENTLE, GENTLE)
    spread = 1 / in_features if few else 1 / math.sqrt(in_features)
    reach = math.sqrt(6 / WIDTH) / hidden
    layers = [Sine(WIDTH, WIDTH, hidden, reach) for _ in range(LAYERS - 1)]
    last = nn.Linear(WIDTH, out_features)
    nn.init.uniform_(last.weight, -math.sqrt(6 / WIDTH) / 10, math.sqrt(6 / WIDTH) / 10)
    return nn.Sequential(Sine(in_features, WIDTH, first, spread), *layers, last)
