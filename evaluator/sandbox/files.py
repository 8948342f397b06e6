"""Files without a name."""

import os


def in_memory(content: bytes) -> int:
    """A descriptor that holds the content, at its beginning; the caller closes it."""
    descriptor = os.memfd_create("sandbox")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
