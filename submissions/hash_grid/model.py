"""A multi-resolution hash grid into a small network, for any number of inputs.

Learned tables of features lie on grids of growing resolution; a point reads the corners of its cell on every
level and interpolates. A cell of d dimensions has 2^d corners, so beyond three inputs no grid is laid over
all of them: then there are several grids over planes, each plane two fixed random projections of the inputs.
The raw inputs always go into the network beside the features.
"""

import math

import torch
from size import COARSEST, ENTRIES, FINEST, LEVELS, WIDTH
from torch import Tensor, nn

# Of the network where inputs are many, and the grid is no longer what carries it.
MANY, MANY_WIDTH = 4, 128
FEATURES = 2
PRIMES = (1, 2654435761, 805459861)


class HashGrid(nn.Module):
    """(n, d) in [-1, 1] -> (n, levels * FEATURES) for d of 1 to 3.

    Levels with fewer corners than `entries` are stored whole, finer ones share `entries` rows by a hash.
    """

    def __init__(self, dimensions: int, *, levels: int, coarsest: int, finest: int, entries: int) -> None:
        super().__init__()
        growth = (finest / coarsest) ** (1 / max(1, levels - 1))
        resolutions = [round(coarsest * growth**level) for level in range(levels)]
        sizes = [min(entries, (resolution + 1) ** dimensions) for resolution in resolutions]
        starts = [sum(sizes[:level]) for level in range(levels)]
        corners = torch.cartesian_prod(*[torch.arange(2)] * dimensions).reshape(-1, dimensions)
        strides = [
            [(resolution + 1) ** axis for axis in range(dimensions)]
            if size == (resolution + 1) ** dimensions
            else list(PRIMES[:dimensions])
            for resolution, size in zip(resolutions, sizes, strict=True)
        ]
        self.table = nn.Parameter(torch.empty(sum(sizes), FEATURES).uniform_(-1e-4, 1e-4))
        self.out_features = levels * FEATURES
        size, stride = torch.tensor(sizes)[:, None], torch.tensor(strides).T[:, :, None]
        # Not in the state dict: they follow from the arguments. Shapes are (d, L, n) or (corners, L, n).
        self.register_buffer("resolutions", torch.tensor(resolutions)[:, None], persistent=False)
        self.register_buffer("sizes", size, persistent=False)
        self.register_buffer("starts", torch.tensor(starts)[:, None], persistent=False)
        self.register_buffer("corners", corners, persistent=False)
        self.register_buffer("strides", stride, persistent=False)
        # From a cell's first corner to the others.
        steps = (corners.T[:, :, None, None] * stride[:, None]).sum(0) % size
        self.register_buffer("steps", steps, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # Points come last: arithmetic along short rows is slow.
        place = (x.T[:, None].clamp(-1, 1) * 0.5 + 0.5) * self.resolutions.to(x.dtype)  # (d, L, n)
        cell = torch.minimum(place.floor().long(), self.resolutions - 1)
        part = place - cell
        index = (cell * self.strides).sum(0) % self.sizes + self.steps  # (corners, L, n)
        index = torch.where(index < self.sizes, index, index - self.sizes) + self.starts
        shares = torch.stack([1 - part, part])
        weight = math.prod(shares[self.corners[:, axis], axis] for axis in range(x.shape[1]))
        weight = weight.to(self.table.dtype)
        # Feature by feature: the gradient of reading single numbers is eight times as fast as that of rows.
        features = [
            (feature.gather(0, index.flatten()).view_as(index) * weight).sum(0)
            for feature in self.table.unbind(1)
        ]
        return torch.stack(features, 2).transpose(0, 1).flatten(1)


class Planes(nn.Module):
    """Hash grids over planes through a space of many dimensions: two random projections each."""

    def __init__(self, in_features: int, planes: int) -> None:
        super().__init__()
        directions = torch.randn(planes, in_features, 2) / math.sqrt(in_features)
        self.register_buffer("directions", directions)
        self.grids = nn.ModuleList(
            HashGrid(2, levels=4, coarsest=4, finest=32, entries=2048) for _ in range(planes)
        )
        self.out_features = sum(grid.out_features for grid in self.grids)

    def forward(self, x: Tensor) -> Tensor:
        planes = torch.tanh(torch.einsum("ni,pid->pnd", x, self.directions))
        return torch.cat([grid(plane) for grid, plane in zip(self.grids, planes, strict=True)], 1)


class WithInputs(nn.Module):
    """Features beside the raw inputs, then a network."""

    def __init__(self, features: nn.Module, in_features: int, out_features: int) -> None:
        super().__init__()
        self.features = features
        width, hidden = (MANY_WIDTH, 3) if in_features >= MANY else (WIDTH, 2)
        sizes = [in_features + features.out_features, *[width] * hidden]
        layers = []
        for i in range(hidden):
            layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.GELU()]
        self.network = nn.Sequential(*layers, nn.Linear(width, out_features))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(torch.cat([x, self.features(x)], 1))


def build(in_features: int, out_features: int) -> nn.Module:
    """Grid and network for any number of inputs."""
    if in_features <= 2:
        features = HashGrid(in_features, levels=LEVELS, coarsest=COARSEST, finest=FINEST, entries=ENTRIES)
    elif in_features == 3:
        features = HashGrid(3, levels=8, coarsest=4, finest=64, entries=32_768)
    else:
        features = Planes(in_features, planes=2)
    return WithInputs(features, in_features, out_features)
