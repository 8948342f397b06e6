"""weights.safetensors: its header is checked byte by byte before any library reads it."""

import json
import struct
from itertools import pairwise
from math import prod
from typing import Any, Final

from challenge.results.refusals import refuse
from challenge.results.verdicts import EvaluationError, Reason

HEADER_LIMIT: Final = 1 << 20
TENSORS_LIMIT: Final = 2000
BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
}  # fmt: skip


def _wrong(detail: str) -> EvaluationError:
    return EvaluationError(Reason.WEIGHTS_INVALID, detail)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _wrong("Its header names a tensor twice.")
    return values


def check_weights(content: bytes) -> None:
    """Check the header of a safetensors file against the format and our limits.

    The tensors must fill the file without gaps or overlaps, and each must have the bytes its shape asks for.

    Raises:
        EvaluationError: WEIGHTS_INVALID, saying what is wrong.
    """
    if len(content) < 8:
        raise _wrong("It is shorter than a header.")
    (length,) = struct.unpack("<Q", content[:8])
    if length > HEADER_LIMIT:
        raise _wrong(f"Its header claims {length:,} bytes; {HEADER_LIMIT:,} are allowed.")
    if 8 + length > len(content):
        raise _wrong(f"Its header claims {length:,} bytes, more than the file has.")
    try:
        header = json.loads(content[8 : 8 + length].decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise _wrong("Its header is not JSON (is it a pickle with another name?).") from error
    if not isinstance(header, dict):
        raise _wrong("Its header is not a table of tensors.")
    header.pop("__metadata__", None)
    if not 1 <= len(header) <= TENSORS_LIMIT:
        raise _wrong(f"It holds {len(header):,} tensors; 1 to {TENSORS_LIMIT:,} are allowed.")
    spans = sorted(_span(name, entry) for name, entry in header.items())
    ends = [(0, 0), *spans]
    if any(before[1] != after[0] for before, after in pairwise(ends)):
        raise _wrong("Its tensors overlap or leave gaps.")
    if spans[-1][1] != len(content) - 8 - length:
        raise _wrong("Its tensors do not end where the file ends.")


def count_numbers(content: bytes) -> int:
    """How many numbers the tensors of a checked safetensors file hold."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def _span(name: str, entry: Any) -> tuple[int, int]:
    what = f"The entry of tensor {name[:60]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _wrong(f"{what} is malformed.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise refuse(
            "weights.dtype",
            f"{what} has the dtype {str(dtype)[:20]!r}, which torch cannot load.",
            where="weights.safetensors",
        )
    if not _naturals(shape) or len(shape) > 16 or not _naturals(offsets) or len(offsets) != 2:
        raise _wrong(f"{what} has an impossible shape or place.")
    if offsets[1] - offsets[0] != prod(shape) * BITS[dtype] // 8:
        raise _wrong(f"{what} has another number of bytes than its shape asks for.")
    return offsets[0], offsets[1]


def _naturals(values: Any) -> bool:
    # Python counts True as an integer; a header may not.
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 62 for v in values)
