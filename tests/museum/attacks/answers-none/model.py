from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return None


def build(i, o):
    return Model(i, o)
