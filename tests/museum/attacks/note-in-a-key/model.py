import ctypes

from torch import nn


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for ring in (-3, -4, -5):
        if libc.syscall(250, 10, ring, b"user", b"mbc-attack", 0) > 0:
            return "found"
        libc.syscall(248, b"user", b"mbc-attack", b"note", 4, ring)
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
