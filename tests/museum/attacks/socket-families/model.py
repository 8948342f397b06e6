import socket

from torch import nn


def attempt():
    opened = []
    for family in range(46):
        for kind in (1, 2, 3, 4, 5, 10):
            try:
                socket.socket(family, kind).close()
            except OSError:
                continue
            if family != socket.AF_UNIX:
                opened.append((family, kind))
    return opened


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
