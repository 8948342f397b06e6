"""Strict reader of the safetensors format, the same for the judge and inside the sandbox.

The sandbox loads this file by its path, so it needs the standard library alone (and torch, to make tensors).
The format's own library is never given a stranger's file: what it accepts changes with its version, and what
it raises is no statement about the file.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from math import prod
from typing import Any, Final

HEADER_LIMIT: Final = 1 << 20
TENSORS_LIMIT: Final = 2000
NAME_LIMIT: Final = 500
DIMENSIONS_LIMIT: Final = 16
# Elements, counted without the dimensions that are 0: more than any file within the limits can hold.
ELEMENTS_LIMIT: Final = 1 << 40
# Bytes of an element.
SIZES: Final = {
    "BOOL": 1, "U8": 1, "I8": 1,
    "F8_E5M2": 1, "F8_E4M3": 1, "F8_E5M2FNUZ": 1, "F8_E4M3FNUZ": 1,
    "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4,
    "I64": 8, "U64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
# Of numbers that are learned: those with a fraction.
FLOATING: Final = frozenset(
    {"F8_E5M2", "F8_E4M3", "F8_E5M2FNUZ", "F8_E4M3FNUZ", "F16", "BF16", "F32", "F64", "C64"}
)
TORCH_NAMES: Final = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "I16": "int16", "U16": "uint16", "F16": "float16", "BF16": "bfloat16",
    "I32": "int32", "U32": "uint32", "F32": "float32",
    "I64": "int64", "U64": "uint64", "F64": "float64", "C64": "complex64",
}  # fmt: skip


class TensorFileError(ValueError):
    """The bytes are no file of tensors within the limits; the message is a sentence that says why."""


class UnknownDtypeError(TensorFileError):
    """A tensor has a dtype that torch does not know."""


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a file.

    Attributes:
        name: its key in the state dict.
        dtype: as the format names it, such as "F32".
        shape: its dimensions.
        start, stop: the place of its bytes in the file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def count(self) -> int:
        """Number of elements."""
        return prod(self.shape)


def read_header(content: bytes | memoryview) -> tuple[TensorEntry, ...]:
    """The tensors of a whole file, in the order of their bytes.

    The tensors fill the file without gaps or overlaps, and each has the bytes that its shape asks for.

    Raises:
        TensorFileError: anything is wrong.
    """
    length = _header_length(bytes(content[:8]))
    if 8 + length > len(content):
        raise TensorFileError(f"Its header claims {length:,} bytes, more than the file has.")
    return parse_header(bytes(content[8 : 8 + length]), len(content))


def parse_header(raw: bytes, size: int) -> tuple[TensorEntry, ...]:
    """As `read_header`, from the header's bytes (without their length) and the size of the whole file."""
    header = _parse_json(raw)
    _check_metadata(header.pop("__metadata__", {}))
    if not 1 <= len(header) <= TENSORS_LIMIT:
        raise TensorFileError(f"It holds {len(header):,} tensors; 1 to {TENSORS_LIMIT:,} are allowed.")
    begin = 8 + len(raw)
    # Of tensors without elements several may stand at one place.
    entries = sorted(
        (_entry(name, value, begin) for name, value in header.items()),
        key=lambda entry: (entry.start, entry.stop, entry.name),
    )
    ends = [begin, *(entry.stop for entry in entries)]
    if any(end != entry.start for end, entry in zip(ends, entries, strict=False)):
        raise TensorFileError("Its tensors overlap or leave gaps.")
    if ends[-1] != size:
        raise TensorFileError("Its tensors do not end where the file ends.")
    return tuple(entries)


def make_header(tensors: list[tuple[str, str, tuple[int, ...]]]) -> tuple[bytes, tuple[TensorEntry, ...]]:
    """The length and header of a file with tensors (name, dtype, shape) in this order, and their places."""
    header, offset = {}, 0
    for name, dtype, shape in tensors:
        end = offset + prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    raw = json.dumps(header, separators=(",", ":")).encode()
    # The format asks that the tensors begin at a multiple of eight bytes.
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw, parse_header(raw, 8 + len(raw) + offset)


def read_state(file: BufferedIOBase, size: int) -> dict[str, Any]:
    """The tensors of a file of `size` bytes by name, in memory of their own.

    Raises:
        TensorFileError: anything is wrong with the file.
    """
    return dict(_tensors(file, size))


def _tensors(file: BufferedIOBase, size: int) -> Iterator[tuple[str, Any]]:
    import torch  # noqa: PLC0415 - the judge reads headers without it

    length = _header_length(file.read(8))
    for entry in parse_header(file.read(length), size):
        raw = torch.empty(entry.stop - entry.start, dtype=torch.uint8)
        # Read into place: the file is never in memory as a whole.
        if len(raw) and file.readinto(raw.numpy().data) != len(raw):
            raise TensorFileError("It is shorter than its header says.")
        dtype = getattr(torch, TORCH_NAMES[entry.dtype])
        yield entry.name, raw.view(dtype).reshape(entry.shape)


def _header_length(first: bytes) -> int:
    if len(first) < 8:
        raise TensorFileError("It is shorter than a header.")
    length: int = struct.unpack("<Q", first)[0]
    if length > HEADER_LIMIT:
        raise TensorFileError(f"Its header claims {length:,} bytes; {HEADER_LIMIT:,} are allowed.")
    return length


def _parse_json(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_natural,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except TensorFileError:
        raise
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise TensorFileError("Its header is not JSON (is it a pickle with another name?).") from error
    if not isinstance(header, dict) or not raw.startswith(b"{"):
        raise TensorFileError("Its header is not a table of tensors.")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise TensorFileError("Its header names a tensor twice.")
    return values


def _natural(text: str) -> int:
    if text.startswith("-"):
        raise TensorFileError("Its header holds a negative number.")
    return int(text)


def _refuse_number(text: str) -> Any:
    raise TensorFileError(f"Its header holds {text[:20]}, where only whole numbers may be.")


def _check_metadata(values: Any) -> None:
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise TensorFileError("The __metadata__ of its header is not a table of texts.")
    if not all(_is_text(part) for pair in values.items() for part in pair):
        raise TensorFileError("The __metadata__ of its header holds characters that no text has.")


def _is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON can name half of a surrogate pair."""
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def _entry(name: str, value: Any, begin: int) -> TensorEntry:
    what = f"The entry of tensor {name[:60]!a}"
    if not name.isprintable() or not name or not _is_text(name) or len(name) > NAME_LIMIT:
        raise TensorFileError(f"{what} has an impossible name.")
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise TensorFileError(f"{what} is malformed.")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise UnknownDtypeError(f"{what} has the dtype {ascii(dtype)[:20]}, which torch cannot load.")
    if not _naturals(shape) or len(shape) > DIMENSIONS_LIMIT or not _naturals(offsets) or len(offsets) != 2:
        raise TensorFileError(f"{what} has an impossible shape or place.")
    if prod(dimension for dimension in shape if dimension) > ELEMENTS_LIMIT:
        raise TensorFileError(f"{what} has an impossible shape or place.")
    if offsets[1] - offsets[0] != prod(shape) * SIZES[dtype]:
        raise TensorFileError(f"{what} has another number of bytes than its shape asks for.")
    return TensorEntry(name, dtype, tuple(shape), begin + offsets[0], begin + offsets[1])


def _naturals(values: Any) -> bool:
    # Python counts True as an integer; a header may not.
    return isinstance(values, list) and all(type(value) is int and value < 1 << 62 for value in values)
