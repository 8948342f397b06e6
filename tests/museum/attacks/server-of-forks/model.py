import os
import signal
import sys

from torch import nn


def variables():
    """Of every function below this one, by name."""
    frame = sys._getframe()
    while frame is not None:
        yield from list(frame.f_locals.items()) + list(frame.f_globals.items())
        frame = frame.f_back


def attempt():
    found = []
    for group in range(2, 2000):
        try:
            os.kill(-group, signal.SIGKILL)
            found.append(f"processes {group}")
        except OSError:
            pass
    for name, value in variables():
        try:
            if callable(getattr(value, "fileno", None)) and value.fileno() > 4:
                found.append(f"{name}: {value}")
            if name == "proc":
                found.append(os.open("self/status", os.O_RDONLY, dir_fd=value))
        except (OSError, TypeError, ValueError):
            pass
    options = sys.modules["__main__"].OPTIONS
    for number in {*range(3, 4096)} - {options["requests"], options["replies"]}:
        try:
            found.append(f"descriptor {os.fstat(number)}")
        except OSError:
            pass
    return found


def build(i, o):
    if loot := attempt():
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
