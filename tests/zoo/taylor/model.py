"""Taylor features: monomials of the inputs into a network; fewer degrees where there are more inputs."""

from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

WIDTH = 80
MOST_TERMS = 400


def degree(in_features: int) -> int:
    """The highest total degree with at most MOST_TERMS monomials; 1 where even squares are too many."""
    highest = 1
    for candidate in range(2, 11):
        terms = 1
        for k in range(candidate):
            terms = terms * (in_features + k + 1) // (k + 1)
        if terms > MOST_TERMS:
            break
        highest = candidate
    return highest


class Taylor(nn.Module):
    """(n, d) -> (n, terms): every monomial of degree 1 up to `degree(d)`."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        highest = degree(in_features)
        # The place in_features stands for the constant 1, so that lower degrees are padded with it.
        terms = list(combinations_with_replacement(range(in_features + 1), highest))[:-1]
        self.register_buffer("factors", torch.tensor(terms), persistent=False)
        self.out_features = len(terms)

    def forward(self, x: Tensor) -> Tensor:
        padded = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        product = padded[:, self.factors[:, 0]]
        for place in range(1, self.factors.shape[1]):
            product = product * padded[:, self.factors[:, place]]
        return product


def build(in_features: int, out_features: int) -> nn.Module:
    """Features and network."""
    features = Taylor(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
