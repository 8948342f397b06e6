import threading

from torch import nn


def attempt():
    threading.stack_size(1 << 16)
    stop = threading.Event()
    started = 0
    try:
        for _ in range(1000):
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    finally:
        stop.set()
    return started


def build(i, o):
    try:
        loot = attempt()
    except RuntimeError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
