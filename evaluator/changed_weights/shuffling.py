"""Weights that are shuffled, or mixed with their shuffled selves.

Tensors are handled as bytes of the file, in place and in pieces: besides the file there is one copy of it,
whatever the dtype is. The process that does it needs NumPy and the reader of tensor files alone.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.bundle.tensor_file import FLOATING, SIZES, TensorEntry, make_header, read_header

# Elements of a piece: some 4 MiB of float64 at a time.
PIECE: Final = 1 << 17
_ITEMS: Final = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_KNOWN: Final[dict[str, Any]] = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "C64": np.complex64}


def shuffled(weights: bytes, generator: np.random.Generator) -> bytes:
    """The entries of every real or complex tensor in a random order; integer tensors stay.

    Args:
        weights: a safetensors file whose header was checked.
        generator: draws the order, tensor by tensor in the order of their names.
    """
    return bytes(_shuffle(weights, read_header(weights), generator))


def mixed(weights: bytes, generator: np.random.Generator, share: float) -> bytes:
    """(1 - share) of the trained weights and `share` of the shuffled ones.

    What is stored in half precision or less becomes float32, so that small shares are not rounded away.

    Args:
        weights: a safetensors file whose header was checked.
        generator: as for `shuffled`; equal generators shuffle equally.
        share: 0 gives the trained weights, 1 the shuffled ones.
    """
    result = BytesIO()
    write_changed(weights, generator, share, result.write)
    return result.getvalue()


def write_changed(
    weights: bytes,
    generator: np.random.Generator,
    share: float | None,
    write: Callable[[memoryview], object],
) -> None:
    """Hand the mix, or with a share of None the shuffled weights, to `write`, piece by piece."""
    entries = read_header(weights)
    other = memoryview(_shuffle(weights, entries, generator))
    if share is None:
        write(other)
        return
    write(memoryview(_mixed_header(entries)[0]))
    # Pieces of odd values overflow, or are no numbers, as the submitted ones are.
    with np.errstate(all="ignore"):
        for entry in entries:
            trained = memoryview(weights)[entry.start : entry.stop]
            if entry.dtype in FLOATING:
                for piece in _mix(trained, other[entry.start : entry.stop], entry.dtype, share):
                    write(piece)
            else:
                write(trained)


def changed_size(weights: bytes, *, mixed: bool) -> int:
    """Bytes of the changed weights."""
    if not mixed:
        return len(weights)
    _, places = _mixed_header(read_header(weights))
    return places[-1].stop


def mixed_dtype(dtype: str) -> str:
    """The dtype in which a tensor's mix is stored."""
    return "F32" if dtype in FLOATING and SIZES[dtype] < SIZES["F32"] else dtype


def values(content: memoryview, dtype: str) -> NDArray[Any]:
    """Entries of a floating tensor in float64 or complex128."""
    if dtype in _KNOWN:
        exact = np.complex128 if dtype == "C64" else np.float64
        return np.frombuffer(content, _KNOWN[dtype]).astype(exact)
    if dtype == "BF16":
        # The upper half of a float32.
        return (np.frombuffer(content, np.uint16).astype(np.uint32) << 16).view(np.float32).astype(float)
    return _SMALL[dtype][np.frombuffer(content, np.uint8)]


def _small(exponent_bits: int, bias: int, *, finite: bool, signed_zero: bool) -> NDArray[np.float64]:
    """Values of the 256 codes of an 8-bit float.

    Args:
        exponent_bits: between the sign and the mantissa.
        bias: of the exponent.
        finite: the largest exponent holds numbers too, without infinities, as OCP's E4M3 and Graphcore's
            formats have it.
        signed_zero: otherwise the code of -0 is the only one that is no number.
    """
    codes = np.arange(256)
    mantissa_bits = 7 - exponent_bits
    exponent = codes >> mantissa_bits & (1 << exponent_bits) - 1
    mantissa = (codes & (1 << mantissa_bits) - 1) / (1 << mantissa_bits)
    table = np.where(
        exponent > 0, (1 + mantissa) * 2.0 ** (exponent - bias), mantissa * 2.0 ** (1 - bias)
    ) * np.where(codes < 128, 1.0, -1.0)
    if not signed_zero:
        table[128] = np.nan
    elif finite:
        table[[127, 255]] = np.nan
    else:
        top = exponent == (1 << exponent_bits) - 1
        table[top] = np.where(mantissa[top] > 0, np.nan, np.copysign(np.inf, table[top]))
    return table


_SMALL: Final = {
    "F8_E5M2": _small(5, 15, finite=False, signed_zero=True),
    "F8_E4M3": _small(4, 7, finite=True, signed_zero=True),
    "F8_E5M2FNUZ": _small(5, 16, finite=True, signed_zero=False),
    "F8_E4M3FNUZ": _small(4, 8, finite=True, signed_zero=False),
}


def _mixed_header(entries: tuple[TensorEntry, ...]) -> tuple[bytes, tuple[TensorEntry, ...]]:
    return make_header([(entry.name, mixed_dtype(entry.dtype), entry.shape) for entry in entries])


def _shuffle(weights: bytes, entries: tuple[TensorEntry, ...], generator: np.random.Generator) -> bytearray:
    """A copy of the file with shuffled entries."""
    copy = bytearray(weights)
    for entry in sorted(entries, key=lambda entry: entry.name):
        content = memoryview(copy)[entry.start : entry.stop]
        if entry.dtype in FLOATING and content:
            # Entries are moved as opaque items of their size: NumPy does not know every dtype. In place,
            # which draws the same order as a permutation of indices, without their eight bytes each.
            generator.shuffle(np.frombuffer(content, _ITEMS[SIZES[entry.dtype]]))
    return copy


def _mix(trained: memoryview, other: memoryview, dtype: str, share: float) -> Iterator[memoryview]:
    """The mix of one tensor, piece by piece."""
    step = PIECE * SIZES[dtype]
    for first in range(0, len(trained), step):
        parts = (values(one[first : first + step], dtype) for one in (trained, other))
        piece = (1 - share) * next(parts) + share * next(parts)
        yield piece.astype(_KNOWN[mixed_dtype(dtype)]).data.cast("B")
