import fcntl

from torch import nn


def attempt():
    found = []
    with open("/usr/bin/env", "rb") as file:
        for lock in (
            lambda: fcntl.flock(file, fcntl.LOCK_SH),
            lambda: fcntl.lockf(file, fcntl.LOCK_SH),
            lambda: fcntl.fcntl(file, 1024, 0),
            lambda: fcntl.fcntl(file, 37, bytes(32)),
        ):
            try:
                lock()
                found.append("locked")
            except OSError:
                continue
    return found


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
