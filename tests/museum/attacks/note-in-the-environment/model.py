import os
import sys

from torch import nn


def attempt():
    for place in [*sys.path, "/bundle", "/runner"]:
        path = os.path.join(place, "mbc_attack_note.py")
        if os.path.exists(path):
            return path
        try:
            open(path, "w").close()
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
