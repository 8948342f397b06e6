import json
import struct


def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {
        "weights.safetensors": _file(
            {"weight": _tensor(0, 0, [0, 1 << 62]), "bias": _tensor(0, 4, [1])}, bytes(4)
        )
    }


def _file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _tensor(start, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
