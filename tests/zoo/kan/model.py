"""A Kolmogorov-Arnold network: every edge is a learned cubic B-spline and a weighted SiLU."""

import torch
from torch import Tensor, nn

DEGREE = 3
REACH = 1.0


class Edges(nn.Module):
    """(n, in) -> (n, out): the sum over the inputs of a function of each."""

    def __init__(self, in_features: int, out_features: int, intervals: int) -> None:
        super().__init__()
        apart = 2 * REACH / intervals
        places = torch.arange(-DEGREE, intervals + DEGREE + 1) * apart - REACH
        self.register_buffer("knots", places, persistent=False)
        self.straight = nn.Linear(in_features, out_features)
        self.curved = nn.Linear(in_features * (intervals + DEGREE), out_features, bias=False)
        nn.init.normal_(self.curved.weight, std=0.3 / in_features**0.5)

    def forward(self, x: Tensor) -> Tensor:
        knots = self.knots.to(x.dtype)
        place = torch.tanh(x)[:, :, None]
        basis = ((place >= knots[:-1]) & (place < knots[1:])).to(x.dtype)
        for degree in range(1, DEGREE + 1):
            # Even knots: the recursion of de Boor and Cox has one denominator.
            width = degree * (knots[1] - knots[0])
            rising = (place - knots[: -degree - 1]) / width * basis[..., :-1]
            falling = (knots[degree + 1 :] - place) / width * basis[..., 1:]
            basis = rising + falling
        return self.straight(nn.functional.silu(x)) + self.curved(basis.flatten(1))


def build(in_features: int, out_features: int) -> nn.Module:
    """Two layers of edges into a third; coarser splines where inputs are many."""
    width, intervals = (28, 12) if in_features <= 4 else (28, 3)
    return nn.Sequential(
        Edges(in_features, width, intervals),
        Edges(width, width, intervals),
        Edges(width, out_features, intervals),
    )
