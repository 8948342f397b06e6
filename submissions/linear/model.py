"""A line: the control that shows what one linear map can do. On purpose, it breaks the only rule."""

from torch import nn


def build(in_features: int, out_features: int) -> nn.Module:
    """One linear map."""
    return nn.Linear(in_features, out_features)
