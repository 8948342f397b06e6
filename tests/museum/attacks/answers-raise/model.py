from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        raise KeyError


def build(i, o):
    return Model(i, o)
