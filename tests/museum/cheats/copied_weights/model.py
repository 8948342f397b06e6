"""The weights and the code of the zoo's plain network under another name."""

from itertools import pairwise

from torch import nn

WIDTH = 96


def build(in_features: int, out_features: int) -> nn.Module:
    """Three hidden layers, by somebody else."""
    sizes = (in_features, WIDTH, WIDTH, WIDTH)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, out_features))
