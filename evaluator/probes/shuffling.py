"""Other weights made from a submission's own, by the judge: shuffled, or mixed with their shuffled selves.

Tensors are handled as bytes of the file, in place and in pieces, so that the memory stays near the size of
the result whatever the dtype is.
"""

from io import BytesIO
from typing import Final

import numpy as np
import torch

from challenge.bundle.tensor_file import FLOATING, SIZES, TORCH_NAMES, TensorEntry, make_header, read_header

# Elements of a piece: some 5 MiB of float64 at a time.
PIECE: Final = 1 << 17
_ITEMS: Final = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_DTYPES: Final[dict[str, torch.dtype]] = {dtype: getattr(torch, TORCH_NAMES[dtype]) for dtype in FLOATING}


def shuffled(weights: bytes, generator: np.random.Generator) -> bytes:
    """The entries of every real or complex tensor in a random order; integer tensors stay.

    Args:
        weights: a safetensors file whose header was checked.
        generator: draws the order, tensor by tensor in the order of their names.
    """
    result = BytesIO()
    result.write(weights)
    with result.getbuffer() as view:
        for entry in _by_name(read_header(weights)):
            if entry.dtype in FLOATING:
                _shuffle(view[entry.start : entry.stop], entry, generator)
    return result.getvalue()


def mixed(weights: bytes, generator: np.random.Generator, share: float) -> bytes:
    """(1 - share) of the trained weights and `share` of the shuffled ones.

    What is stored in half precision or less becomes float32, so that small shares are not rounded away.

    Args:
        weights: a safetensors file whose header was checked.
        generator: as for `shuffled`; equal generators shuffle equally.
        share: 0 gives the trained weights, 1 the shuffled ones.
    """
    entries = read_header(weights)
    head, places = make_header([(entry.name, mixed_dtype(entry.dtype), entry.shape) for entry in entries])
    target = {place.name: place for place in places}
    # Unlike that of a bytearray, its content becomes bytes without a copy.
    result = BytesIO()
    result.write(head)
    if places[-1].stop > len(head):
        result.seek(places[-1].stop - 1)
        result.write(b"\0")
    with result.getbuffer() as view:
        for entry in _by_name(entries):
            place = target[entry.name]
            if entry.dtype in FLOATING:
                other = bytearray(memoryview(weights)[entry.start : entry.stop])
                _shuffle(memoryview(other), entry, generator)
                _mix(weights, entry, other, view[place.start : place.stop], share)
            else:
                view[place.start : place.stop] = memoryview(weights)[entry.start : entry.stop]
    return result.getvalue()


def mixed_size(weights: bytes) -> int:
    """Bytes of memory besides the weights: the mix, its copy for a sandbox, and the largest tensor.

    At most nine bytes a byte, for 8-bit floats in one tensor.
    """
    entries = read_header(weights)
    made = sum(entry.count * SIZES[mixed_dtype(entry.dtype)] for entry in entries)
    return 2 * made + max(entry.stop - entry.start for entry in entries)


def mixed_dtype(dtype: str) -> str:
    """The dtype in which a tensor's mix is stored."""
    return "F32" if dtype in FLOATING and SIZES[dtype] < SIZES["F32"] else dtype


def _by_name(entries: tuple[TensorEntry, ...]) -> list[TensorEntry]:
    return sorted(entries, key=lambda entry: entry.name)


def _shuffle(content: memoryview, entry: TensorEntry, generator: np.random.Generator) -> None:
    # Entries are moved as opaque items of their size: NumPy does not know every dtype. In place, which draws
    # the same order as a permutation of indices, without their eight bytes each.
    if content:
        generator.shuffle(np.frombuffer(content, _ITEMS[SIZES[entry.dtype]]))


def _mix(weights: bytes, entry: TensorEntry, other: bytearray, result: memoryview, share: float) -> None:
    """Write the mix of one tensor into its place, piece by piece."""
    size, dtype = SIZES[entry.dtype], _DTYPES[entry.dtype]
    mixed_as = mixed_dtype(entry.dtype)
    size_made, made = SIZES[mixed_as], _DTYPES[mixed_as]
    for first in range(0, entry.count, PIECE):
        count = min(PIECE, entry.count - first)
        start = entry.start + first * size
        exact = torch.complex128 if made.is_complex else torch.float64
        trained = torch.frombuffer(bytearray(memoryview(weights)[start : start + count * size]), dtype=dtype)
        strange = torch.frombuffer(other, dtype=dtype, count=count, offset=first * size).to(exact)
        piece = ((1 - share) * trained.to(exact) + share * strange).to(made)
        at = first * size_made
        result[at : at + count * size_made] = piece.view(torch.uint8).numpy().tobytes()
