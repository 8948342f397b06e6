import multiprocessing

from torch import nn


def attempt():
    with multiprocessing.Pool(2) as pool:
        return pool.map(abs, [-1])


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
