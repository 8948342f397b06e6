from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        y = super().forward(x)
        y[::2] = float("nan")
        return y


def build(i, o):
    return Model(i, o)
