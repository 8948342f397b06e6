import os

from torch import nn


def attempt():
    made = 0
    try:
        for number in range(2_000_000):
            os.close(os.open(f"/tmp/mbc-attack-{number:0200d}", os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError:
        pass
    return made >= 2_000_000


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
