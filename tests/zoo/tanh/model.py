"""A plain network with tanh."""

from itertools import pairwise

from torch import nn

WIDTH = 96


def build(in_features: int, out_features: int) -> nn.Module:
    """Three hidden layers."""
    sizes = (in_features, WIDTH, WIDTH, WIDTH)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.Tanh()]
        # As wide as tanh wants it: with torch's own, which are for ReLU, 500 steps barely clear the bars.
        nn.init.xavier_uniform_(layers[-2].weight, nn.init.calculate_gain("tanh"))
    return nn.Sequential(*layers, nn.Linear(WIDTH, out_features))
