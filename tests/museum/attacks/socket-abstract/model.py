import socket

from torch import nn


def attempt():
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(2)
        one.connect("\0ABSTRACT_OF_HOST")
    return "connected"


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
