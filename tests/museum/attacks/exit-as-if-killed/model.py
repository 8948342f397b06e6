import os

from torch import nn


def build(i, o):
    os._exit(137)
    return nn.Linear(i, o)
