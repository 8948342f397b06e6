import os

from torch import nn


def attempt():
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
