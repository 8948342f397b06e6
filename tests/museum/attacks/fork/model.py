import os

from torch import nn


def attempt():
    if os.fork() == 0:
        os._exit(0)
    return "forked"


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
