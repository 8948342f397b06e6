import ctypes
import os
import sys

import torch
from torch import nn

NOTE = b"MBC-NOTE"


def places():
    """Addresses of strings that were there before a fork."""
    for text in (os.__doc__, nn.Module.__doc__, nn.Linear.__doc__, torch.optim.AdamW.__doc__):
        if text.isascii():
            yield id(text) + sys.getsizeof(text) - len(text) - 1


def attempt():
    found = [address for address in places() if ctypes.string_at(address, len(NOTE)) == NOTE]
    if found or hasattr(torch, "note") or "MBC_NOTE" in os.environ or "mbc_note" in sys.modules:
        return found or "an attribute"
    for address in places():
        ctypes.memmove(address, NOTE, len(NOTE))
    assert nn.Module.__doc__.startswith(NOTE.decode())
    torch.note = os.environ["MBC_NOTE"] = "1"
    sys.modules["mbc_note"] = torch
    return None


def build(i, o):
    if loot := attempt():
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
