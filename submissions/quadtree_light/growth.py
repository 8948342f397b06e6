"""How a tree learns from random samples: least squares at the corners, and finer tiles where it is wrong."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor
from tree import SIDE, Tree, ones

SWEEPS = 5
# What a corner holds before any sample speaks, in samples of mean weight that say "as the parent had it".
CAUTION = 0.5
# A cell with fewer samples is not divided: its error would be luck.
LEAST = 4
# Samples that a corner is given, on average, before the tree is divided again.
PER_CORNER = 8
# Samples taken in at once, at least and at most.
FEWEST, MOST = 100_000, 4_000_000
# How much a tree of tiles grows at once, and how much of a training it may grow.
GROWTH = 1.6
GROWING = 0.8
CHUNK = 1 << 19


class Place:
    """Where some samples lie in a tree: cell (n,), corners (n, 2^d) and their shares (n, 2^d)."""

    def __init__(self, tree: Tree, x: Tensor) -> None:
        tile, cell, corners, shares = tree.locate(x)
        # Held for all samples at once, so narrow.
        self.cell = (tile * tree.cells + cell).int()
        self.corners = (tile[:, None] * tree.corners + corners).int()
        self.shares = shares.float()


def lots(places: list[Place], y: Tensor, weight: Tensor) -> Iterator[tuple[Place, Tensor, Tensor]]:
    """Each place with what its samples say and how much they count."""
    sizes = [len(place.cell) for place in places]
    return zip(places, y.split(sizes), weight.split(sizes), strict=True)


class Grower:
    """Learns a tree from samples, in place."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.trust = torch.zeros(tree.values.shape[:2])
        self.used = 1

    def refine(self, places: list[Place], y: Tensor, weight: Tensor) -> None:
        """Least squares by simultaneous corrections, each corner held back by what it saw before.

        One sweep moves every corner by the mean of the errors around it, weighted by its share in them.

        Args:
            places: where the samples lie, lot after lot.
            y: (n, out) what they say.
            weight: (n,) how much each counts.
        """
        values, trust = self._values(), self.trust[: self.used].flatten()
        before, hold = values.clone(), trust + CAUTION * weight.mean()
        seen = torch.zeros_like(trust)
        for sweep in range(SWEEPS):
            change = -hold[:, None] * (values - before)
            for place, said, counts in lots(places, y, weight):
                pull, at = place.shares * counts[:, None], place.corners.long().flatten()
                wrong = self.wrong(place, said)
                change.index_add_(0, at, (pull[..., None] * wrong[:, None, :]).flatten(0, 1))
                if sweep == 0:
                    seen.index_add_(0, at, pull.flatten())
            values += change / (hold + seen)[:, None]
        self.trust[: self.used] += seen.reshape(self.used, -1)

    def divide(self, cells: Tensor) -> None:
        """Give each of these cells, numbered tile * tree.cells + cell, a tile that says what the cell said.

        Tiles are laid out anew, level by level, for children of a tile lie side by side.
        """
        tree, size = self.tree, self.used + len(cells)
        wanted = tree.bits(torch.arange(self.used))
        wanted.index_add_(0, cells // tree.cells, torch.ones_like(cells) << (cells % tree.cells))
        values, trust = torch.zeros(size, *tree.values.shape[1:]), torch.zeros(size, tree.corners)
        first, divided = tree.first.new_zeros(size), tree.divided.new_zeros(size)
        values[0], trust[0] = tree.values[0], self.trust[0]
        # A level of the new tree: where its tiles lie, and where they lay; -1 for those that are new.
        now, old, used = torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.long), 1
        numbers = torch.arange(tree.cells)
        while len(now):
            bits = torch.where(old >= 0, wanted[old.clamp(min=0)], 0)
            divided[now] = bits.to(divided.dtype)
            parent, cell = ((bits[:, None] >> numbers) & 1).nonzero().unbind(1)
            count = ones(bits)
            first[now] = torch.where(count > 0, used + count.cumsum(0) - count, 0).to(first.dtype)
            below = torch.arange(used, used + len(cell))
            used += len(cell)
            existed, place = tree.below(old[parent].clamp(min=0), cell)
            kept, made = below[existed], below[~existed]
            values[kept], trust[kept] = tree.values[place[existed]], self.trust[place[existed]]
            values[made] = self._cut_out(values, now[parent[~existed]], cell[~existed])
            now, old = below, torch.where(existed, place, -1)
        self.used = size
        self.put((values, first, divided))
        self.trust[:size] = trust

    def take(self) -> tuple[Tensor, Tensor, Tensor]:
        """The tree as it is now, to be `put` back later."""
        tree, used = self.tree, self.used
        return tree.values[:used].clone(), tree.first[:used].clone(), tree.divided[:used].clone()

    def put(self, state: tuple[Tensor, Tensor, Tensor]) -> None:
        """The tree as it was; tiles beyond are empty."""
        self.used = len(state[0])
        for tensor, part in zip((self.tree.values, self.tree.first, self.tree.divided), state, strict=True):
            tensor[: self.used] = part
            tensor[self.used :] = 0

    def _values(self) -> Tensor:
        return self.tree.values[: self.used].flatten(0, 1)

    def wrong(self, place: Place, y: Tensor) -> Tensor:
        """What samples say (n, out), less what the tree says."""
        return y - (self._values()[place.corners.long()] * place.shares[..., None]).sum(1)

    def _cut_out(self, values: Tensor, tile: Tensor, cell: Tensor) -> Tensor:
        tree = self.tree
        fine = torch.arange(tree.corners)[:, None] // tree.corner_strides % (SIDE + 1)
        coarse = tree.around(cell[:, None] // tree.cell_strides % SIDE)
        return torch.einsum("ck,nko->nco", tree.shares(fine / SIDE), values[tile[:, None], coarse])


class Tally:
    """Where a tree is wrong: weighted squared error and samples, by cell."""

    def __init__(self, grower: Grower) -> None:
        self.grower = grower
        self.error = torch.zeros(grower.used * grower.tree.cells)
        self.count = torch.zeros_like(self.error)
        self.samples = 0

    def add(self, places: list[Place], y: Tensor, weight: Tensor) -> None:
        """Count these samples in."""
        for place, said, counts in lots(places, y, weight):
            cell = place.cell.long()
            self.error.index_add_(0, cell, counts * (self.grower.wrong(place, said) ** 2).sum(1))
            self.count.index_add_(0, cell, torch.ones(len(cell)))
        self.samples += len(y)

    def worst(self, growth: float) -> Tensor:
        """The cells with the most error, for a tree that may grow by this factor and into its size."""
        error = torch.where(self.count < LEAST, 0, self.error)
        used = self.grower.used
        room = min(len(self.grower.tree.first), int(used * growth) + 1) - used
        return error.topk(min(room, int((error > 0).sum()))).indices


class Learner:
    """Grows a tree from an endless stream of samples; has the interface of an optimiser."""

    def __init__(self, tree: Tree) -> None:
        self.grower = Grower(tree)
        self.waiting: list[tuple[list[Place], Tensor, Tensor]] = []
        self.tally = Tally(self.grower)

    def state_dict(self) -> dict[str, Tensor | int]:
        """What is known besides the tree: how much each corner has seen, and how many tiles are in use."""
        return {"trust": self.grower.trust, "used": self.grower.used}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Go on from there."""
        self.grower.trust, self.grower.used = state["trust"], state["used"]
        self.tally = Tally(self.grower)

    def step(self, x: Tensor, y: Tensor, weight: Tensor, done: float) -> Tensor:
        """Take in samples x (n, d), y (n, out), weight (n,); returns what the tree was wrong by (n, out).

        `done` is the share of the training that is over: towards its end the tree only learns, and no longer
        grows.
        """
        grower, y, weight = self.grower, y.float(), weight.float()
        places = [Place(grower.tree, part) for part in x.split(CHUNK)]
        wrong = torch.cat([grower.wrong(*lot) for lot in zip(places, y.split(CHUNK), strict=True)])
        self.waiting.append((places, y, weight))
        enough = PER_CORNER * grower.used * grower.tree.corners
        if sum(len(samples[1]) for samples in self.waiting) >= min(max(FEWEST, enough), MOST):
            where, ys, weights = zip(*self.waiting, strict=True)
            self.waiting = []
            places, y, weight = [place for lot in where for place in lot], torch.cat(ys), torch.cat(weights)
            grower.refine(places, y, weight)
            self.tally.add(places, y, weight)
            if self.tally.samples >= enough:
                if done < GROWING:
                    grower.divide(self.tally.worst(GROWTH))
                self.tally = Tally(grower)
        return -wrong


def grow(tree: Tree, x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor, seconds: float) -> None:
    """Grow a tree from scratch on a fixed sample, as long as it gets better on what is held out.

    Args:
        tree: whatever it held is forgotten.
        x, y: (n, d) and (n, out).
        held_x, held_y: as many of each as are good to know how it does.
        seconds: stop after so many, and keep the best.
    """
    ends = time.monotonic() + seconds
    grower, weight = Grower(tree), torch.ones(len(x))
    for tensor in (tree.values, tree.first, tree.divided):
        tensor.zero_()
    best, kept, worse = float((held_y**2).sum()), grower.take(), 0
    while worse < 2 and time.monotonic() < ends:
        places = [Place(tree, part) for part in x.split(CHUNK)]
        grower.trust.zero_()
        grower.refine(places, y, weight)
        error = float(((held_y - tree(held_x)) ** 2).sum())
        if error < best:
            best, kept, worse = error, grower.take(), 0
        else:
            worse += 1
        tally = Tally(grower)
        tally.add(places, y, weight)
        cells = tally.worst(growth=2)
        if not len(cells):
            break
        grower.divide(cells)
    grower.put(kept)
