import socket

from torch import nn


def attempt():
    socket.create_connection(("127.0.0.1", int("PORT_OF_HOST")), 2).close()
    return "connected"


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
