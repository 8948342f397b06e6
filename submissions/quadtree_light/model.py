"""A small network, and a tree of tiles that adds what the network misses: fine only where it has to be.

Over one to three inputs the tree covers the cube and keeps dividing the cells where random samples show it
most wrong. Over more inputs cells would be as many as atoms, so there the network answers alone.
"""

import math
import time

import torch
from growth import Learner, grow
from size import TILES
from torch import Tensor, nn
from tree import Tree

# The most inputs that a tree is laid over.
MOST = 3
NARROW, WIDE = 64, 128
BATCH, RATE = 512, 2e-3
FINAL = 0.01
# Share of a fit's seconds that the network has, where a tree follows; ...
NETWORK_SHARE = 0.25
# ... and of the time left after it, the tree's: one more division may take as long as all before.
TREE_SHARE = 0.4
KEPT_BACK = 8


class Model(nn.Module):
    """(n, in) in [-1, 1] -> (n, out)."""

    # A cell at the bottom of the tree is as wide as the last digits of a float32.
    wants_float64 = True

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        width = NARROW if in_features <= MOST else WIDE
        self.network = nn.Sequential(
            nn.Linear(in_features, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, out_features),
        )
        # So that a tree may learn alone: an untrained network says nothing.
        nn.init.zeros_(self.network[-1].weight)
        nn.init.zeros_(self.network[-1].bias)
        self.tree = Tree(in_features, out_features, TILES) if in_features <= MOST else None

    def forward(self, x: Tensor) -> Tensor:
        answer = self.network(x.to(self.network[0].weight))
        return answer if self.tree is None else answer + self.tree(x)

    def learner(self) -> Learner:
        """What `mbc train` gives its samples to: the tree alone learns the Mandelbrot set."""
        return Learner(self.tree)


def build(in_features: int, out_features: int) -> nn.Module:
    """Network and, up to three inputs, tree."""
    return Model(in_features, out_features)


def fit(model: Model, x: Tensor, y: Tensor, budget: object) -> None:
    """The network first; then the tree, on what the network leaves of it.

    A part of the samples is held back to know when a finer tree is worse.
    """
    began = time.monotonic()
    order = torch.randperm(len(x))
    held, known = order[: len(x) // KEPT_BACK], order[len(x) // KEPT_BACK :]
    alone = model.tree is None or budget.task == "classification"
    train_network(
        model.network, *((x, y) if alone else (x[known], y[known])), budget, 1.0 if alone else NETWORK_SHARE
    )
    if not alone:
        left = (math.inf if budget.seconds is None else budget.seconds) - (time.monotonic() - began)
        with torch.no_grad():
            rest = (y - model.network(x.float())).float()
            grow(model.tree, x[known], rest[known], x[held], rest[held], TREE_SHARE * left)


def train_network(network: nn.Module, x: Tensor, y: Tensor, budget: object, share: float) -> None:
    """AdamW on batches drawn with replacement, along a cosine: all steps, or a share of the seconds."""
    x, y = x.float(), y.float()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.0)
    began, step, done = time.monotonic(), 0, 0.0
    classes = budget.task == "classification"
    while done < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * (FINAL + (1 - FINAL) * (1 + math.cos(math.pi * done)) / 2)
        rows = torch.randint(len(x), (BATCH,))
        answer = network(x[rows])
        loss = (
            nn.functional.cross_entropy(answer, y[rows])
            if classes
            else nn.functional.mse_loss(answer, y[rows])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        by_steps = step / budget.steps if budget.steps else 0.0
        by_clock = (time.monotonic() - began) / (share * budget.seconds) if budget.seconds else 0.0
        done = max(by_steps, by_clock)
