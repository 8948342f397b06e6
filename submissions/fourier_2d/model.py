"""The full Fourier series in two dimensions into a network: every product of a wave in x and a wave in y.

The inputs are scaled so that [-1, 1] is one full period. In one dimension, and from three on, where products
of all axes would be too many, the waves of each axis stand for themselves.
"""

import math

import torch
from torch import Tensor, nn

WIDTH = 128
ORDERS = 15
MOST_ORDERS_PER_AXIS = 128


def per_axis(in_features: int) -> int:
    """Orders where axes stand for themselves: fewer with the square of the dimension, at least one."""
    return max(1, min(MOST_ORDERS_PER_AXIS, 4 * MOST_ORDERS_PER_AXIS // in_features**2))


class Series(nn.Module):
    """(n, d) -> (n, features): the raw inputs, and the series."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.full = in_features == 2
        orders = ORDERS if self.full else per_axis(in_features)
        self.register_buffer("orders", math.pi * torch.arange(1, orders + 1.0), persistent=False)
        waves = (2 * orders + 1) ** 2 - 1 if self.full else 2 * orders * in_features
        self.out_features = in_features + waves

    def forward(self, x: Tensor) -> Tensor:
        angles = x[:, :, None] * self.orders.to(x.dtype)
        waves = torch.cat([angles.sin(), angles.cos()], 2)
        if not self.full:
            return torch.cat([x, waves.flatten(1)], 1)
        one = torch.ones_like(x[:, :1])
        first, second = torch.cat([one, waves[:, 0]], 1), torch.cat([one, waves[:, 1]], 1)
        products = first[:, :, None] * second[:, None, :]
        return torch.cat([x, products.flatten(1)[:, 1:]], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Series and network for any number of inputs."""
    features = Series(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
