import os
from pydoc_data import topics

from torch import nn


def attempt():
    file = os.open(topics.__file__, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    return "pages dropped for everybody"


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
