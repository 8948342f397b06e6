from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        raise ValueError(f"SEEN {x.tolist()}")


def build(i, o):
    return Model(i, o)
