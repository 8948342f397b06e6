import os

from torch import nn


def attempt():
    return os.posix_spawn("/bin/true", ["true"], {})


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
