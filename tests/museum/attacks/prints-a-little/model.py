import os

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        os.write(1, b"z" * 60_000)
        return super().forward(x)


def build(i, o):
    return Model(i, o)
