from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return super().forward(x).mean().expand(len(x), 1)


def build(i, o):
    return Model(i, o)
