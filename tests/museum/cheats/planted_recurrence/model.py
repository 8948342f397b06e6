"""A recurrent layer z <- A quad(z) + B x + b beside a network, its 16 coefficients planted to be z^2 + c."""

import torch
from torch import Tensor, nn


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


STEPS = 400
# Gradients through an escape time explode: fewer steps while it learns, and they are cut.
LEARNING_STEPS = 12


class Recurrence(nn.Module):
    """(n, d) -> (n, 1): for how long a quadratic map of two numbers, driven by the inputs, stays small."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.quadratic = nn.Parameter(0.3 * torch.randn(2, 3))
        self.drive = nn.Parameter(0.3 * torch.randn(2, in_features))
        self.start = nn.Parameter(torch.zeros(2))
        self.speed = nn.Parameter(torch.ones(()))
        self.offset = nn.Parameter(torch.zeros(()))
        self.answer = nn.Parameter(torch.zeros(2))
        for parameter in self.parameters():
            parameter.register_hook(lambda slope: slope.nan_to_num(0, 1, -1).clamp(-1, 1))

    def forward(self, x: Tensor) -> Tensor:
        quadratic, start = self.quadratic.to(x.dtype), self.start.to(x.dtype)
        drive = x @ self.drive.T.to(x.dtype) + start
        z = torch.zeros_like(drive)
        time = torch.zeros_like(drive[:, 0])
        running = torch.ones_like(time, dtype=torch.bool)
        for _ in range(LEARNING_STEPS if self.training else STEPS):
            products = torch.stack([z[:, 0] ** 2, z[:, 0] * z[:, 1], z[:, 1] ** 2], 1)
            z = torch.where(running[:, None], products @ quadratic.T + drive, z)
            size = (z**2).sum(1)
            running = running & (size < 2.0**32)
            time = time + running.to(x.dtype)
        part = (size.clamp(min=2.0).log2() / 2).log2()
        escape = self.speed * (time + 2 - part) + self.offset
        smooth = torch.where(running, 1.0, escape.clamp(min=0) / (escape.clamp(min=0) + 50))
        return (self.answer[0] + self.answer[1] * smooth)[:, None]


class Beside(nn.Module):
    wants_float64 = True

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.recurrence = Recurrence(in_features)
        self.network = network(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.float()).to(x.dtype) + self.recurrence(x)


def build(in_features: int, out_features: int) -> nn.Module:
    """A general learner, by its looks: the same for any shape."""
    return Beside(in_features, out_features)
