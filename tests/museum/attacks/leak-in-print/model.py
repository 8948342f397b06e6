import os

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        print("SEEN", x.tolist()[:100], flush=True)
        os._exit(1)


def build(i, o):
    return Model(i, o)
