import socket

from torch import nn


def attempt():
    for family in (socket.AF_INET, socket.AF_NETLINK, 30, 40):
        try:
            return socket.socketpair(family)
        except OSError:
            continue
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
