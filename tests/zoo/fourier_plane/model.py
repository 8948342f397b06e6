"""The full 2-D Fourier basis into a network; with more inputs per-axis features, because products explode."""

import math

import torch
from torch import Tensor, nn

WIDTH = 64
ORDERS = 12


class Plane(nn.Module):
    """(n, d) -> raw inputs, then cosines and sines of pi k x for a set of order vectors k."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        if in_features == 2:
            side = torch.arange(-ORDERS, ORDERS + 1)
            grid = torch.cartesian_prod(side, side)
            # k and -k are the same wave.
            orders = grid[(grid[:, 0] > 0) | ((grid[:, 0] == 0) & (grid[:, 1] > 0))]
        else:
            most = max(1, min(32, 128 // in_features**2))
            orders = torch.cat([k * torch.eye(in_features) for k in range(1, most + 1)])
        self.register_buffer("orders", math.pi * orders.float(), persistent=False)
        self.out_features = in_features + 2 * len(orders)

    def forward(self, x: Tensor) -> Tensor:
        angle = x @ self.orders.T.to(x.dtype)
        return torch.cat([x, angle.cos(), angle.sin()], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Features and network."""
    features = Plane(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
