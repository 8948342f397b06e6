"""A plain network: three hidden layers of 128 and GELU, nothing else."""

from torch import nn

WIDTH = 128


def build(in_features: int, out_features: int) -> nn.Module:
    """The network for any number of features."""
    return nn.Sequential(
        nn.Linear(in_features, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, WIDTH),
        nn.GELU(),
        nn.Linear(WIDTH, out_features),
    )
