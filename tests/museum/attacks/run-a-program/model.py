import subprocess

from torch import nn


def attempt():
    return subprocess.run(["/bin/true"], check=True)


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
