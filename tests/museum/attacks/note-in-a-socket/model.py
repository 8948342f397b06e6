import socket

from torch import nn


def attempt():
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect("\0mbc-attack-note")
            return "found"
        except OSError:
            pass
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0mbc-attack-note")
    listener.listen()
    globals()["kept"] = listener
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
