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
        # Not in the state dict: they follow from the arguments.
        self.register_buffer("resolutions", torch.tensor(resolutions), persistent=False)
        self.register_buffer("sizes", torch.tensor(sizes)[:, None], persistent=False)
        self.register_buffer("starts", torch.tensor(starts)[:, None], persistent=False)
        self.register_buffer("corners", corners, persistent=False)
        self.register_buffer("strides", torch.tensor(strides), persistent=False)
        self.table = nn.Parameter(torch.empty(sum(sizes), FEATURES).uniform_(-1e-4, 1e-4))
        self.out_features = levels * FEATURES

    def forward(self, x: Tensor) -> Tensor:
        place = (x.clamp(-1, 1)[:, None, :] * 0.5 + 0.5) * self.resolutions[:, None].to(x.dtype)  # (n, L, d)
        cell = torch.minimum(place.floor().long(), self.resolutions[:, None] - 1)
        part = place - cell
        index = torch.zeros((*cell.shape[:2], len(self.corners)), dtype=torch.long, device=x.device)
        weight = torch.ones(index.shape, dtype=x.dtype, device=x.device)
        for axis in range(x.shape[1]):
            corner = self.corners[:, axis]
            index = index + ((cell[:, :, axis, None] + corner) * self.strides[:, axis, None])
            share = part[:, :, axis, None]
            weight = weight * torch.where(corner == 1, share, 1 - share)
        index = index % self.sizes + self.starts
        rows = nn.functional.embedding(index, self.table)  # (n, L, corners, FEATURES)
        return (rows * weight[..., None].to(rows.dtype)).sum(2).flatten(1)


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
