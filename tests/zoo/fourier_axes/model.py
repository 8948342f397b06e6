"""Per-axis Fourier features into a network, with the raw inputs beside them; orders shrink with dimension."""

import math

import torch
from torch import Tensor, nn

WIDTH = 80
MOST_ORDERS = 64


class Axes(nn.Module):
    """(n, d) -> (n, d (1 + 2 orders))."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        orders = max(1, min(MOST_ORDERS, 4 * MOST_ORDERS // in_features**2))
        self.register_buffer("orders", math.pi * torch.arange(1.0, orders + 1), persistent=False)
        self.out_features = in_features * (1 + 2 * orders)

    def forward(self, x: Tensor) -> Tensor:
        angle = (x[:, :, None] * self.orders.to(x.dtype)).flatten(1)
        return torch.cat([x, angle.sin(), angle.cos()], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Features and network."""
    features = Axes(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
