from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return super().forward(x).to("meta")


def build(i, o):
    return Model(i, o)
