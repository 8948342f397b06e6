import torch

hoard = torch.ones(1 << 40)
