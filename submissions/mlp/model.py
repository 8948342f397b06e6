"""A plain network: three hidden layers of 128 and an activation, nothing else."""

from torch import nn

WIDTH = 128
# "gelu", "relu" or "leaky": the weights here are those of "gelu"; for another, train anew.
ACTIVATION = "gelu"
ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "leaky": nn.LeakyReLU}


def build(in_features: int, out_features: int) -> nn.Module:
    """The network for any number of features."""
    activation = ACTIVATIONS[ACTIVATION]
    return nn.Sequential(
        nn.Linear(in_features, WIDTH),
        activation(),
        nn.Linear(WIDTH, WIDTH),
        activation(),
        nn.Linear(WIDTH, WIDTH),
        activation(),
        nn.Linear(WIDTH, out_features),
    )
