import torch
from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return torch.quantize_per_tensor(super().forward(x), 0.1, 0, torch.qint8)


def build(i, o):
    return Model(i, o)
