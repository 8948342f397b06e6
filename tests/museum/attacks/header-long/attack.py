import struct


def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"weights.safetensors": struct.pack("<Q", 2_000_000) + bytes(2_000_000)}
