"""Random Fourier features without the raw inputs, of one bandwidth: what learns nothing in high dimension."""

import torch
from torch import Tensor, nn

WIDTH = 80
WAVES = 192
BANDWIDTH = 10.0


class Waves(nn.Module):
    """(n, d) -> (n, 2 WAVES)."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.register_buffer("directions", BANDWIDTH * torch.randn(in_features, WAVES))
        self.out_features = 2 * WAVES

    def forward(self, x: Tensor) -> Tensor:
        angle = x @ self.directions
        return torch.cat([angle.sin(), angle.cos()], 1)


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
