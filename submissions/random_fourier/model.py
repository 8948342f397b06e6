"""Random Fourier features into a network: waves in random directions, of random lengths.

The frequencies are drawn once, by `build`, and travel with the weights. The raw inputs are kept beside them:
in many dimensions, where random waves tell no two points alike, the network lives on those.
"""

import math

import torch
from torch import Tensor, nn

WIDTH = 128
WAVES = 384
# Octaves of the wave numbers in few dimensions, each as likely as any other.
LOWEST, HIGHEST = -1.0, 7.5
FEW = 3


class RandomWaves(nn.Module):
    """(n, d) -> (n, d + 2 WAVES): the raw inputs, and sine and cosine of 2 pi f . x."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        directions = nn.functional.normalize(torch.randn(WAVES, in_features), dim=1)
        if in_features <= FEW:
            lengths = 2.0 ** torch.empty(WAVES, 1).uniform_(LOWEST, HIGHEST)
        else:
            # A wave or less between two random points of the cube.
            lengths = torch.rand(WAVES, 1) / math.sqrt(in_features)
        self.register_buffer("frequencies", 2 * math.pi * lengths * directions)
        self.out_features = in_features + 2 * WAVES

    def forward(self, x: Tensor) -> Tensor:
        angles = x @ self.frequencies.to(x.dtype).T
        return torch.cat([x, angles.sin(), angles.cos()], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Waves and network for any number of inputs."""
    features = RandomWaves(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
