import os

from torch import nn


def attempt():
    kept = []
    try:
        while len(kept) < 1000:
            kept.append(os.open("/usr", os.O_RDONLY))
    except OSError:
        pass
    for descriptor in kept:
        os.close(descriptor)
    return len(kept) >= 1000


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
