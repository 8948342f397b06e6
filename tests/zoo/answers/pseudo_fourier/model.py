"""A pseudo-Fourier network of 600,000 numbers: products of the axes' waves, into a wide plain network."""

import torch
from torch import Tensor, nn

ORDER = 16
FEW_INPUTS = 2


class Waves(nn.Module):
    """For two inputs the products of sines and cosines of both axes; else each axis's own; and the inputs."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.products = in_features == FEW_INPUTS
        order = ORDER if in_features <= FEW_INPUTS else 4 if in_features <= 4 else 1
        self.register_buffer("orders", torch.arange(1, order + 1) * (3.14159 / 2), persistent=False)
        each = 2 * order + 1
        self.features = in_features + (each * each if self.products else 2 * order * in_features)

    def forward(self, x: Tensor) -> Tensor:
        phase = x[:, :, None] * self.orders.to(x.dtype)
        waves = torch.cat([phase.sin(), phase.cos()], 2)
        if not self.products:
            return torch.cat([x, waves.flatten(1)], 1)
        waves = torch.cat([torch.ones_like(x)[:, :, None], waves], 2)
        return torch.cat([x, (waves[:, 0, :, None] * waves[:, 1, None, :]).flatten(1)], 1)


def build(in_features: int, out_features: int) -> nn.Module:
    """About 600,000 numbers for two inputs."""
    waves = Waves(in_features)
    width = 384 if in_features <= FEW_INPUTS else 128
    return nn.Sequential(
        waves,
        nn.Linear(waves.features, width), nn.GELU(),
        nn.Linear(width, width), nn.GELU(),
        nn.Linear(width, out_features),
    )  # fmt: skip
