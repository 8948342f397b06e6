"""A tree of tiles over [-1, 1]^d: where a tile is too coarse, one of its cells gets a tile of its own.

A tile has SIDE cells along every axis and a number (or several) at each of their corners; between corners it
interpolates linearly. A cell either is answered by its corners or has a child, another tile of the same kind,
SIDE times as fine. Children of one tile lie side by side, so a tile needs one bit a cell and the place of
its first child.
"""

import math

import torch
from torch import Tensor, nn

SIDE = 4


def ones(bits: Tensor) -> Tensor:
    """How many bits are set in each of 64: the usual sums of neighbours, then of neighbours of those."""
    bits = bits - ((bits >> 1) & 0x5555555555555555)
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (bits * 0x0101010101010101) >> 56


class Tree(nn.Module):
    """(n, d) in [-1, 1] -> (n, out), for d of 1 to 3; at first one tile of zeros."""

    def __init__(self, dimensions: int, out_features: int, tiles: int) -> None:
        super().__init__()
        self.dimensions, self.out_features = dimensions, out_features
        self.cells, self.corners = SIDE**dimensions, (SIDE + 1) ** dimensions
        self.register_buffer("values", torch.zeros(tiles, self.corners, out_features))
        self.register_buffer("first", torch.zeros(tiles, dtype=torch.int32))
        bits = torch.int64 if self.cells > 16 else torch.int16
        self.register_buffer("divided", torch.zeros(tiles, dtype=bits))
        ends = torch.cartesian_prod(*[torch.arange(2)] * dimensions).reshape(-1, dimensions)
        axes = torch.arange(dimensions)
        corner_strides = (SIDE + 1) ** axes
        # Not in the state dict: they follow from the arguments.
        self.register_buffer("ends", ends, persistent=False)
        self.register_buffer("cell_strides", SIDE**axes, persistent=False)
        self.register_buffer("corner_strides", corner_strides, persistent=False)
        # From a cell's first corner to all of them.
        self.register_buffer("to_corners", (ends * corner_strides).sum(1), persistent=False)

    def bits(self, tile: Tensor) -> Tensor:
        """Which cells of tiles (n,) have a child: bit i for cell i."""
        # The sign of a narrow number would fill the bits above.
        return self.divided[tile].long() & (-1 if self.cells == 64 else (1 << self.cells) - 1)

    def below(self, tile: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Whether cells (n,) of tiles (n,) have a child, and its tile where they do."""
        bits = self.bits(tile)
        before = bits & ((torch.ones_like(cell) << cell) - 1)
        return ((bits >> cell) & 1).bool(), self.first[tile].long() + ones(before)

    def around(self, cell: Tensor) -> Tensor:
        """The corners (n, 2^d) of cells (n, d) given by their place along each axis."""
        return (cell * self.corner_strides).sum(1)[:, None] + self.to_corners

    def shares(self, part: Tensor) -> Tensor:
        """What each corner of a cell has to say (n, 2^d) at places (n, d) in [0, 1] within it."""
        by_end = (1 - part).unbind(1), part.unbind(1)
        each = [
            math.prod(by_end[end][axis] for axis, end in enumerate(corner)) for corner in self.ends.tolist()
        ]
        return torch.stack(each, 1)

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The finest tile (n,) at each point, the cell (n,), its corners and their shares (n, 2^d)."""
        # Points come last: arithmetic along short rows is slow. What is not a number counts as 0.
        place = (x.nan_to_num().clamp(-1, 1) * 0.5 + 0.5).T.contiguous()
        part, where = torch.zeros_like(place), torch.zeros_like(place, dtype=torch.long)
        tile = torch.zeros(len(x), dtype=torch.long, device=x.device)
        cell, here = tile.clone(), tile.clone()
        rows = torch.arange(len(x), device=x.device)
        while len(rows):
            scaled = place * SIDE
            coarse = scaled.floor().clamp(max=SIDE - 1)
            within, along = scaled - coarse, coarse.long()
            number = sum(axis * SIDE**i for i, axis in enumerate(along))
            tile[rows], cell[rows], where[:, rows], part[:, rows] = here, number, along, within
            divided, child = self.below(here, number)
            on = divided.nonzero()[:, 0]
            rows, place, here = rows[on], within[:, on], child[on]
        return tile, cell, self.around(where.T), self.shares(part.T)

    def forward(self, x: Tensor) -> Tensor:
        tile, _, corners, shares = self.locate(x)
        values = self.values[tile[:, None], corners].to(shares.dtype)
        return (values * shares[..., None]).sum(1)
