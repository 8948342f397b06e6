import os

from torch import nn


def attempt():
    import py_compile

    for place in ("/bundle/__pycache__", "/runner/__pycache__"):
        if os.path.exists(place):
            return place
    try:
        py_compile.compile("/bundle/model.py")
    except OSError:
        pass
    return None


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
