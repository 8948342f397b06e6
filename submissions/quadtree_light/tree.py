"""A tree of tiles over [-1, 1]^d: where a tile is too coarse, one of its cells gets a tile of its own.

A tile has SIDE cells along every axis and a number (or several) at each of their corners; between corners it
interpolates linearly. A cell either is answered by its corners or has a child, another tile of the same kind,
SIDE times as fine. Children of one tile lie side by side, so a tile needs one bit a cell and the place of
its first child.
"""

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
        # Not in the state dict: they follow from the arguments.
        self.register_buffer("ends", ends, persistent=False)
        self.register_buffer("cell_strides", SIDE**axes, persistent=False)
        self.register_buffer("corner_strides", (SIDE + 1) ** axes, persistent=False)

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
        return ((cell[:, None, :] + self.ends) * self.corner_strides).sum(2)

    def shares(self, part: Tensor) -> Tensor:
        """What each corner of a cell has to say (n, 2^d) at places (n, d) in [0, 1] within it."""
        return torch.where(self.ends == 1, part[:, None, :], 1 - part[:, None, :]).prod(2)

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The finest tile (n,) at each point, the cell (n,), its corners and their shares (n, 2^d)."""
        place = x.clamp(-1, 1) * 0.5 + 0.5
        tile = torch.zeros(len(x), dtype=torch.long, device=x.device)
        cell, where, part = tile.clone(), torch.zeros_like(place), torch.zeros_like(place)
        rows = torch.arange(len(x), device=x.device)
        while len(rows):
            scaled = place * SIDE
            # What is not finite compares false everywhere and ends in the first cell.
            here = torch.nan_to_num(scaled).floor().clamp(0, SIDE - 1)
            within, number = scaled - here, (here.long() * self.cell_strides).sum(1)
            deeper, child = self.below(tile[rows], number)
            ended = rows[~deeper]
            cell[ended], where[ended], part[ended] = number[~deeper], here[~deeper], within[~deeper]
            rows, place = rows[deeper], within[deeper]
            tile[rows] = child[deeper]
        return tile, cell, self.around(where.long()), self.shares(part)

    def forward(self, x: Tensor) -> Tensor:
        tile, _, corners, shares = self.locate(x)
        values = self.values[tile[:, None], corners].to(shares.dtype)
        return (values * shares[..., None]).sum(1)
