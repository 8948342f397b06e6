"""A small network with features: what is trained in the browser on the page /play.

The choices are in settings.py. leaderboard/static/nn/features.js computes the same features in this order.
"""

import math
from itertools import combinations_with_replacement

import torch
from settings import ACTIVATION, FEATURES, HIDDEN, ORDERS
from torch import Tensor, nn

MOST_MONOMIALS = 600
# Octaves of the wave numbers of random features in few dimensions.
LOWEST, HIGHEST = -1.0, 5.5
FEW = 3


class Inputs(nn.Module):
    """(n, d) -> (n, d): no features."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.out_features = in_features

    def forward(self, x: Tensor) -> Tensor:
        return x


class Taylor(nn.Module):
    """(n, d) -> (n, features): monomials of total degree 1 .. ORDERS, fewer degrees in many dimensions."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        fitting = [k for k in range(1, ORDERS + 1) if math.comb(in_features + k, k) <= MOST_MONOMIALS]
        parents, factors, place, ends = [], [], {(): 0}, [1]
        # A monomial is one of a degree less, times an input: place 0 holds the 1.
        for degree in range(1, max(fitting, default=1) + 1):
            for chosen in combinations_with_replacement(range(in_features), degree):
                place[chosen] = len(place)
                parents.append(place[chosen[:-1]])
                factors.append(chosen[-1])
            ends.append(len(place))
        self.ends = ends
        self.register_buffer("parents", torch.tensor(parents), persistent=False)
        self.register_buffer("factors", torch.tensor(factors), persistent=False)
        self.out_features = len(parents)

    def forward(self, x: Tensor) -> Tensor:
        known = torch.ones(len(x), 1, dtype=x.dtype, device=x.device)
        for start, end in zip(self.ends[:-1], self.ends[1:], strict=True):
            new = slice(start - 1, end - 1)
            known = torch.cat([known, known[:, self.parents[new]] * x[:, self.factors[new]]], 1)
        return known[:, 1:]


class Fourier(nn.Module):
    """(n, d) -> (n, d + 2 d orders): the inputs, cos(pi k x) and sin(pi k x) of each axis, k from 1."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.orders = max(1, min(ORDERS, 4 * ORDERS // in_features**2))
        self.out_features = in_features * (1 + 2 * self.orders)

    def forward(self, x: Tensor) -> Tensor:
        k = torch.arange(1, self.orders + 1, dtype=x.dtype, device=x.device)
        angles = (math.pi * x[..., None] * k).flatten(1)
        return torch.cat([x, angles.cos(), angles.sin()], 1)


class RandomFourier(nn.Module):
    """(n, d) -> (n, d + 2 ORDERS): the inputs, cosine and sine of waves in random directions."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        directions = nn.functional.normalize(torch.randn(ORDERS, in_features), dim=1)
        if in_features <= FEW:
            waves = 2.0 ** torch.empty(ORDERS, 1).uniform_(LOWEST, HIGHEST)
        else:
            # A wave or less between two random points of the cube.
            waves = torch.rand(ORDERS, 1) / math.sqrt(in_features)
        self.register_buffer("frequencies", 2 * math.pi * waves * directions)
        self.out_features = in_features + 2 * ORDERS

    def forward(self, x: Tensor) -> Tensor:
        angles = x @ self.frequencies.to(x.dtype).T
        return torch.cat([x, angles.cos(), angles.sin()], 1)


class Sine(nn.Module):
    """sin(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


KINDS = {"none": Inputs, "taylor": Taylor, "fourier": Fourier, "random": RandomFourier}
ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU, "sine": Sine}


def build(in_features: int, out_features: int) -> nn.Module:
    """Features, hidden layers and an output layer, for any number of inputs and outputs."""
    features = KINDS[FEATURES](in_features)
    layers: list[nn.Module] = [features]
    width = features.out_features
    for hidden in HIDDEN:
        layers += [nn.Linear(width, hidden), ACTIVATIONS[ACTIVATION]()]
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, out_features))
