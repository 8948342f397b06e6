import torch
from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.arange(len(x))[:, None] / len(x)


def build(i, o):
    return Model(i, o)
