"""Linear splines along each axis (hat functions between even knots), beside the inputs, into a network."""

import torch
from torch import Tensor, nn

WIDTH = 80
MOST_KNOTS = 96


class Hats(nn.Module):
    """(n, d) -> (n, d (1 + knots)): each input, and how near it is to each knot of its axis."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        knots = max(4, min(MOST_KNOTS, 256 // in_features))
        self.register_buffer("knots", torch.linspace(-1, 1, knots), persistent=False)
        self.out_features = in_features * (1 + knots)

    def forward(self, x: Tensor) -> Tensor:
        apart = 2 / (len(self.knots) - 1)
        hats = (1 - (x[:, :, None] - self.knots.to(x.dtype)).abs() / apart).clamp(min=0)
        return torch.cat([x, hats.flatten(1)], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """Hats and network."""
    features = Hats(in_features)
    return nn.Sequential(
        features,
        nn.Linear(features.out_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
