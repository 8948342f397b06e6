import ctypes

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        ctypes.string_at(0)


def build(i, o):
    return Model(i, o)
