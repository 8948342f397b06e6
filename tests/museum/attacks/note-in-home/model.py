import os

from torch import nn


def attempt():
    path = os.path.expanduser("~/mbc-attack-note")
    if os.path.exists(path):
        return path
    with open(path, "w") as file:
        file.write("the points are ...")
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
