"""Boosted trees on top of a line: scikit-learn grows them in `fit`; torch walks down their tensors."""

import time
from typing import Any

import torch
from torch import Tensor, nn

DEPTH = 24
RIDGE = 1e-3
# Trees, leaves of each, and the share of what is left that each may explain: few large ones where inputs are
# few, many small ones where they are many.
FEW = (8, 400, 0.6)
MANY = (150, 32, 0.15)
FEW_INPUTS = 3


class Forest(nn.Module):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.trees, self.leaves, self.share = FEW if in_features <= FEW_INPUTS else MANY
        nodes = 2 * self.leaves - 1
        self.line = nn.Linear(in_features, out_features)
        # An inner node goes left where the feature is at most the threshold; a leaf leads to itself.
        self.register_buffer("feature", torch.zeros(self.trees, nodes, dtype=torch.int16))
        self.register_buffer("threshold", torch.zeros(self.trees, nodes))
        self.register_buffer("following", torch.arange(nodes, dtype=torch.int16).repeat(self.trees, 2, 1))
        self.register_buffer("value", torch.zeros(self.trees, nodes, out_features))

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(len(x), self.value.shape[2], dtype=x.dtype, device=x.device)
        for tree in range(self.trees):
            node = torch.zeros(len(x), dtype=torch.long, device=x.device)
            for _ in range(DEPTH):
                here = x.gather(1, self.feature[tree][node].long()[:, None])[:, 0]
                right = (here > self.threshold[tree][node]).long()
                node = self.following[tree][right, node].long()
            total = total + self.value[tree][node]
        return self.line(x) + total


def straighten(line: nn.Linear, x: Tensor, y: Tensor) -> None:
    """Ridge regression."""
    design = torch.cat([x, torch.ones_like(x[:, :1])], 1).double()
    gram = design.T @ design + RIDGE * len(x) * torch.eye(design.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(gram, design.T @ y.double()).float()
    with torch.no_grad():
        line.weight.copy_(solved[:-1].T)
        line.bias.copy_(solved[-1])


def fit(model: nn.Module, x: Tensor, y: Tensor, budget: Any) -> None:
    """Draw the line and grow the trees anew, each on what is left; classes are their one-hot rows."""
    from sklearn.tree import DecisionTreeRegressor

    began = time.monotonic()
    fresh = Forest(x.shape[1], y.shape[1])
    straighten(fresh.line, x, y)
    with torch.no_grad():
        rest = (y - fresh.line(x)).double().numpy()
    inputs = x.double().numpy()
    for index in range(fresh.trees):
        if budget.seconds is not None and time.monotonic() - began > 0.7 * budget.seconds:
            break
        grown = DecisionTreeRegressor(
            max_leaf_nodes=fresh.leaves,
            max_depth=DEPTH,
            max_features=max(1, min(x.shape[1] // 3, 32)),
            random_state=index,
        ).fit(inputs, rest)
        rest -= fresh.share * grown.predict(inputs).reshape(rest.shape)
        keep(fresh, index, grown.tree_)
    model.load_state_dict(fresh.state_dict())


def keep(fresh: Forest, index: int, tree: Any) -> None:
    """Write a grown tree into the tensors."""
    count = tree.node_count
    itself = torch.arange(count)
    for side, child in enumerate((tree.children_left, tree.children_right)):
        there = torch.from_numpy(child.copy())
        fresh.following[index, side, :count] = torch.where(there < 0, itself, there).to(torch.int16)
    fresh.feature[index, :count] = torch.from_numpy(tree.feature.copy()).clamp(min=0).to(torch.int16)
    fresh.threshold[index, :count] = torch.from_numpy(tree.threshold.copy()).float()
    fresh.value[index, :count] = fresh.share * torch.from_numpy(tree.value[:, :, 0].copy()).float()


def build(in_features: int, out_features: int) -> nn.Module:
    """Trees of one leaf."""
    return Forest(in_features, out_features)
