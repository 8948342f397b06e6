import os

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        os.abort()


def build(i, o):
    return Model(i, o)
