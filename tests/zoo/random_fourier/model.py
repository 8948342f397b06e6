"""Random Fourier features beside the raw inputs; the waves get longer with the number of inputs."""

import torch
from torch import Tensor, nn

WIDTH = 80
WAVES = 192


def bandwidth(in_features: int) -> float:
    """Radians per unit: ten on a plane, less with more inputs, so that a wave stays about as long."""
    return 10 * (2 / in_features) ** 1.5


class Waves(nn.Module):
    """(n, d) -> (n, d + 2 WAVES)."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.register_buffer("directions", bandwidth(in_features) * torch.randn(in_features, WAVES))
        self.out_features = in_features + 2 * WAVES

    def forward(self, x: Tensor) -> Tensor:
        angle = x @ self.directions
        return torch.cat([x, angle.sin(), angle.cos()], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Features and network."""
    features = Waves(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
