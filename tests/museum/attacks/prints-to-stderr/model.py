import os

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        while True:
            os.write(2, b"y" * 65536)


def build(i, o):
    return Model(i, o)
