"""Twenty layers of 200 with ReLU, and nothing else."""

from itertools import pairwise

from torch import nn

LAYERS, WIDTH = 20, 200


def build(in_features: int, out_features: int) -> nn.Module:
    """The same for any data."""
    sizes = [in_features, *[WIDTH] * LAYERS]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        linear = nn.Linear(before, after)
        # As deep as this, the usual initial weights let nothing through.
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    last = nn.Linear(WIDTH, out_features)
    nn.init.normal_(last.weight, std=0.01)
    return nn.Sequential(*layers, last)
