import os

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        os._exit(0)


def build(i, o):
    return Model(i, o)
