import fcntl
import os

from torch import nn

LIMIT = 70 << 20


def build(i, o):
    held = 0
    kept = []
    try:
        while True:
            reader, writer = os.pipe()
            kept.append((reader, writer))
            os.set_blocking(writer, False)
            try:
                fcntl.fcntl(writer, 1031, 1 << 20)
            except OSError:
                pass
            try:
                while True:
                    held += os.write(writer, bytes(1 << 16))
            except BlockingIOError:
                pass
    except OSError:
        pass
    for pair in kept:
        os.close(pair[0])
        os.close(pair[1])
    if held > LIMIT:
        raise RuntimeError(f"escaped: {held}")
    return nn.Linear(i, o)
