import json
import struct


def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    return files | {"weights.safetensors": _file({"\ud800": entry}, bytes(8))}


def _file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
