import os
import sys

from torch import nn


def attempt():
    places = [
        "/",
        "/usr",
        "/usr/lib",
        "/etc",
        "/dev",
        "/bundle",
        "/runner",
        "/lib",
        "/proc",
        "/sys",
        "/var/tmp",
        sys.prefix,
    ]
    for place in places:
        try:
            with open(os.path.join(place, "mbc-attack"), "w"):
                return place
        except OSError:
            continue
    for path in ("/bundle/model.py", "/runner/runner.py"):
        try:
            os.chmod(path, 0o666)
            return path
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
