import random


def archive(files):
    """A thousand bytes of noise, always the same."""
    return b"PK\x03\x04" + random.Random(1).randbytes(1000)
