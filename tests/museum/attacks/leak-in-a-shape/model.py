import torch
from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return torch.zeros(int((x[0, 0] + 1) * 1e6), 7).expand(-1, 7)


def build(i, o):
    return Model(i, o)
