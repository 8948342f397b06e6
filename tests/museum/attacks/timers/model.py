import os
import signal
import threading

from torch import nn


def attempt():
    threading.Timer(3600, print).start()
    signal.setitimer(signal.ITIMER_REAL, 3600)
    path = "/tmp/mbc-attack-note"
    if os.path.exists(path):
        return path
    open(path, "w").close()
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
