from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        while True:
            pass


def build(i, o):
    return Model(i, o)
