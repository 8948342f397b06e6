import torch
from torch import nn


def build(i, o):
    for _ in torch.utils.data.DataLoader(torch.zeros(4, i), num_workers=2):
        pass
    return nn.Linear(i, o)
