"""Per-axis Fourier features into a network: the best of the video.

Every input x becomes sin(pi k x) and cos(pi k x) for the orders k = 1 .. n, so that [-1, 1] is one full
period, and the raw inputs are kept beside them.
"""

import math

import torch
from torch import Tensor, nn

WIDTH = 128
MOST_ORDERS = 256


def orders(in_features: int) -> int:
    """Orders per axis: 256 up to two inputs, then fewer with the square of the dimension, at least one."""
    return max(1, min(MOST_ORDERS, 4 * MOST_ORDERS // in_features**2))


class Fourier(nn.Module):
    """(n, d) -> (n, d + 2 d orders): the raw inputs, and sine and cosine of every order of every axis."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.orders = orders(in_features)
        self.out_features = in_features * (1 + 2 * self.orders)

    def forward(self, x: Tensor) -> Tensor:
        """All orders from the first by angle addition: multiplying is several times faster than sines."""
        cos, sin = torch.cos(math.pi * x), torch.sin(math.pi * x)
        cosines, sines = cos[..., None], sin[..., None]
        while cosines.shape[-1] < self.orders:
            # Orders 1 .. m turned by order m are orders m + 1 .. 2m.
            cos, sin = cosines[..., -1:], sines[..., -1:]
            turned = cosines * cos - sines * sin, sines * cos + cosines * sin
            cosines, sines = torch.cat([cosines, turned[0]], -1), torch.cat([sines, turned[1]], -1)
        cosines, sines = cosines[..., : self.orders], sines[..., : self.orders]
        return torch.cat([x, cosines.flatten(1), sines.flatten(1)], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Features and network for any number of inputs."""
    features = Fourier(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
