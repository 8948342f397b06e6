"""Taylor features into a network: monomials of the inputs beside the inputs themselves."""

import math
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

MOST_FEATURES = 600
MOST_DEGREE = 16
WIDTH = 128


def degree(in_features: int) -> int:
    """The highest total degree whose monomials are at most MOST_FEATURES; at least one."""
    fitting = [k for k in range(1, MOST_DEGREE + 1) if math.comb(in_features + k, k) <= MOST_FEATURES]
    return max(fitting, default=1)


class Taylor(nn.Module):
    """(n, d) -> (n, features): every monomial x1^a x2^b ... of total degree 1 .. degree(d)."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        parents, factors = [], []
        # A monomial is one of a degree less, times an input: place 0 holds the 1.
        place = {(): 0}
        for k in range(1, degree(in_features) + 1):
            for chosen in combinations_with_replacement(range(in_features), k):
                place[chosen] = len(place)
                parents.append(place[chosen[:-1]])
                factors.append(chosen[-1])
        ends = [math.comb(in_features + k, k) for k in range(degree(in_features) + 1)]
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


def build(in_features: int, out_features: int) -> nn.Module:
    """Monomials, then a network."""
    features = Taylor(in_features)
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
