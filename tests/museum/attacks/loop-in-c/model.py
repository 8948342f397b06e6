import itertools

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return sum(itertools.repeat(0))


def build(i, o):
    return Model(i, o)
