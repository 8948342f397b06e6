"""A network is built, and the weights are those of something else."""

from torch import nn


def network(in_features: int, out_features: int) -> nn.Module:
    """What the controls are shown."""
    return nn.Sequential(
        nn.Linear(in_features, 64),
        nn.GELU(),
        nn.Linear(64, 64),
        nn.GELU(),
        nn.Linear(64, 64),
        nn.GELU(),
        nn.Linear(64, out_features),
    )


def build(in_features: int, out_features: int) -> nn.Module:
    """Only a network."""
    return network(in_features, out_features)
