import itertools

from torch import nn

COUNT = itertools.count()


class Model(nn.Linear):
    def forward(self, x):
        return super().forward(x) + next(COUNT)


def build(i, o):
    return Model(i, o)
