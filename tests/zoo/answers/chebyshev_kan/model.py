"""A Kolmogorov-Arnold network whose edges are sums of Chebyshev polynomials."""

import torch
from torch import Tensor, nn

WIDTH = 24


class Edges(nn.Module):
    """(n, in) -> (n, out): the sum over the inputs of a polynomial of each, squeezed into [-1, 1]."""

    def __init__(self, in_features: int, out_features: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.mix = nn.Linear(in_features * degree, out_features)
        nn.init.normal_(self.mix.weight, std=(in_features * degree) ** -0.5)
        self.norm = nn.LayerNorm(out_features)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(x)
        terms = [x, 2 * x * x - 1]
        while len(terms) < self.degree:
            terms.append(2 * x * terms[-1] - terms[-2])
        return self.norm(self.mix(torch.cat(terms[: self.degree], 1)))


def build(in_features: int, out_features: int) -> nn.Module:
    """Higher degrees where inputs are few."""
    degree = 8 if in_features <= 4 else 2
    return nn.Sequential(
        Edges(in_features, WIDTH, degree), Edges(WIDTH, WIDTH, 5), nn.Linear(WIDTH, WIDTH), nn.SiLU(),
        nn.Linear(WIDTH, out_features),
    )  # fmt: skip
