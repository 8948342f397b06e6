import socket

from torch import nn


def attempt():
    return socket.getaddrinfo("localhost", 80) and socket.getaddrinfo("example.org", 80)


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
