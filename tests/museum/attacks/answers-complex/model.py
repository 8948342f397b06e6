import torch
from torch import nn


class Model(nn.Linear):
    def forward(self, x):
        return super().forward(x).to(torch.complex64)


def build(i, o):
    return Model(i, o)
