import re

from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        re.match(r"(a+)+$", "a" * 60 + "b")


def build(i, o):
    return Model(i, o)
