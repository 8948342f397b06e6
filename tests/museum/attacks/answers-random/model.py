import torch
from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return super().forward(x) + 0.1 * torch.rand(len(x), 1)


def build(i, o):
    return Model(i, o)
