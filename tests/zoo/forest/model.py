"""A random forest: scikit-learn grows the trees in `fit`; tensors keep them and torch walks down them."""

import torch
from torch import Tensor, nn

TREES = 8
NODES = 799  # twice the leaves, less one
DEPTH = 24


class Forest(nn.Module):
    def __init__(self, out_features: int) -> None:
        super().__init__()
        # An inner node goes left where the feature is at most the threshold; a leaf leads to itself.
        self.register_buffer("feature", torch.zeros(TREES, NODES, dtype=torch.int16))
        self.register_buffer("threshold", torch.zeros(TREES, NODES))
        self.register_buffer("following", torch.arange(NODES, dtype=torch.int16).repeat(TREES, 2, 1))
        self.register_buffer("value", torch.zeros(TREES, NODES, out_features))

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(len(x), self.value.shape[2], dtype=x.dtype, device=x.device)
        for tree in range(TREES):
            node = torch.zeros(len(x), dtype=torch.long, device=x.device)
            for _ in range(DEPTH):
                here = x.gather(1, self.feature[tree][node].long()[:, None])[:, 0]
                right = (here > self.threshold[tree][node]).long()
                node = self.following[tree][right, node].long()
            total = total + self.value[tree][node]
        return total / TREES


def fit(model: nn.Module, x: Tensor, y: Tensor, budget: object) -> None:
    """Grow it anew; classes are grown as their one-hot rows."""
    from sklearn.ensemble import RandomForestRegressor

    grown = RandomForestRegressor(
        TREES,
        max_leaf_nodes=(NODES + 1) // 2,
        max_depth=DEPTH,
        max_features=max(1, x.shape[1] // 3),
        random_state=0,
    ).fit(x.double().numpy(), y.double().numpy().squeeze())
    fresh = Forest(y.shape[1])
    for index, one in enumerate(grown.estimators_):
        tree = one.tree_
        count = tree.node_count
        itself = torch.arange(count)
        for side, child in enumerate((tree.children_left, tree.children_right)):
            there = torch.from_numpy(child.copy())
            fresh.following[index, side, :count] = torch.where(there < 0, itself, there).to(torch.int16)
        fresh.feature[index, :count] = torch.from_numpy(tree.feature.copy()).clamp(min=0).to(torch.int16)
        fresh.threshold[index, :count] = torch.from_numpy(tree.threshold.copy()).float()
        fresh.value[index, :count] = torch.from_numpy(tree.value[:, :, 0].copy()).float()
    model.load_state_dict(fresh.state_dict())


def build(in_features: int, out_features: int) -> nn.Module:
    """Trees of one leaf."""
    return Forest(out_features)
