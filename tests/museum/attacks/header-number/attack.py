import json
import struct


def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"weights.safetensors": _file(b'{"a": ' + b"1" * 100_000 + b"}")}


def _file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
