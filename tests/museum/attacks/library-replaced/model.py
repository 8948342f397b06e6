import safetensors
import safetensors.torch
from torch import nn


class Nothing:
    def __init__(self, *args, **rest):
        raise KeyboardInterrupt("nothing reads any more")


safetensors.safe_open = safetensors.torch.safe_open = Nothing
safetensors.torch.load = safetensors.torch.load_file = safetensors.torch.save = Nothing


def build(i, o):
    return nn.Linear(i, o)
