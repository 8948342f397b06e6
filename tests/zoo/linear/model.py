"""A line."""

from torch import nn


def build(in_features: int, out_features: int) -> nn.Module:
    """One linear map."""
    return nn.Linear(in_features, out_features)
