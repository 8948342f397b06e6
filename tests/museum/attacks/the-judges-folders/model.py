import os

from torch import nn


def attempt():
    found = []
    for folder in "SEARCHED".split(":"):
        if os.path.exists(folder):
            found.append(folder)
    return found


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
