import sys

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        sys.exit(3)


def build(i, o):
    return Model(i, o)
