"""LLVM vectors for Numba: arithmetic on 64 lanes that stays in registers.

Numba's loops over arrays go through memory at every step. A lane kernel is written once, in Python, as
straight-line arithmetic on `Lanes`, and becomes LLVM vector instructions inside the compiled caller. The
width of a vector follows the host's registers; the number of lanes, the order of the operations and every
rounding do not, so results are the same bits on every CPU. Fused multiply-adds are explicit, never the
compiler's choice.
"""

# mypy: disable-error-code="no-untyped-call"
# Numba says that it is typed, and is not.

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import numba
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

LANES: Final = 64

_SOURCE: Final = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()[:12]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first use, keep the result on disk, release the GIL; no fast-math.

    Numba's disk cache knows the file of a function, not the files of what it calls; so the name under which
    it is stored carries a digest of this whole package.
    """
    function.__qualname__ = f"{function.__qualname__}_{_SOURCE}"
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


def _setting(name: str) -> str | None:
    """What Numba was told about the processor by environment variables, if anything."""
    value: str | None = getattr(config, name)
    return value


def host_shape() -> tuple[int, int]:
    """Doubles in a vector, and vectors that the registers hold together with their temporaries."""
    features = _setting("CPU_FEATURES")
    if features is None and _setting("CPU_NAME") is None:
        features = binding.get_host_cpu_features().flatten()
    enabled = set((features or "").split(","))
    if "+avx512f" in enabled:
        return 8, 8
    return (4, 4) if "+avx2" in enabled else (2, 4)


class Lanes:
    """Some of the lanes: a few LLVM vectors, on which every operation is emitted side by side."""

    def __init__(self, block: "Block", values: list[Any]) -> None:
        self.block, self.values = block, values

    def _with(self, other: "Lanes | float", emit: Callable[[Any, Any], Any]) -> Self:
        values = self.block.lift(other).values
        return type(self)(self.block, [emit(a, b) for a, b in zip(self.values, values, strict=True)])

    def __add__(self, other: "Lanes | float") -> Self:
        return self._with(other, self.block.builder.fadd)

    def __sub__(self, other: "Lanes | float") -> Self:
        return self._with(other, self.block.builder.fsub)

    def __mul__(self, other: "Lanes | float") -> Self:
        return self._with(other, self.block.builder.fmul)

    def __truediv__(self, other: "Lanes | float") -> Self:
        return self._with(other, self.block.builder.fdiv)

    def split(self) -> tuple[Self, Self]:
        """Exponent and mantissa in [1, 2) of normal positive numbers."""
        builder, vector = self.block.builder, self.block.vector
        whole = ir.VectorType(ir.IntType(64), vector.count)

        def every(bits: int) -> Any:
            return ir.Constant(whole, [bits] * vector.count)

        exponents, mantissas = [], []
        for value in self.values:
            bits = builder.bitcast(value, whole)
            # 2^52 + k has k in its lowest bits: an integer becomes a double without a conversion.
            shifted = builder.or_(builder.lshr(bits, every(52)), every(0x4330000000000000))
            exponents.append(builder.bitcast(shifted, vector))
            kept = builder.or_(builder.and_(bits, every(0xFFFFFFFFFFFFF)), every(0x3FF0000000000000))
            mantissas.append(builder.bitcast(kept, vector))
        return type(self)(self.block, exponents) - (2.0**52 + 1023.0), type(self)(self.block, mantissas)

    def __neg__(self) -> Self:
        return type(self)(self.block, [self.block.builder.fneg(a) for a in self.values])

    def __le__(self, other: "Lanes | float") -> Self:
        """True where both are numbers and this one is not larger."""
        return self._with(other, lambda a, b: self.block.builder.fcmp_ordered("<=", a, b))

    def __lt__(self, other: "Lanes | float") -> Self:
        return self._with(other, lambda a, b: self.block.builder.fcmp_ordered("<", a, b))

    def __and__(self, other: "Lanes") -> Self:
        return self._with(other, self.block.builder.and_)

    def __invert__(self) -> Self:
        return type(self)(self.block, [self.block.builder.not_(a) for a in self.values])

    def fma(self, factor: "Lanes", addend: "Lanes | float") -> Self:
        """This * factor + addend, rounded once."""
        triples = zip(self.values, factor.values, self.block.lift(addend).values, strict=True)
        return type(self)(self.block, [self.block.fused(*triple) for triple in triples])

    def where(self, yes: "Lanes | float", no: "Lanes | float") -> Self:
        """This mask's choice between two."""
        triples = zip(self.values, self.block.lift(yes).values, self.block.lift(no).values, strict=True)
        return type(self)(self.block, [self.block.builder.select(*triple) for triple in triples])


class Block:
    """The lanes that are in registers at one time, and their places in the (fields, LANES) state array."""

    def __init__(self, builder: Any, state: Any, shape: tuple[int, int], first: Any) -> None:
        self.builder, self.state, self.shape, self.first = builder, state, shape, first
        self.vector = ir.VectorType(ir.DoubleType(), shape[0])
        self._fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(self.vector, [self.vector] * 3), f"llvm.fma.v{shape[0]}f64"
        )

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """A * b + c of LLVM values, rounded once."""
        return self.builder.call(self._fma, [a, b, c])

    def constant(self, value: float) -> Lanes:
        """A number in every lane."""
        return Lanes(self, [ir.Constant(self.vector, [value] * self.shape[0])] * self.shape[1])

    def lift(self, value: Lanes | float) -> Lanes:
        """Lanes as they are, a number in every lane."""
        return value if isinstance(value, Lanes) else self.constant(value)

    def spread(self, scalar: Any) -> Lanes:
        """One number of the caller's in every lane."""
        width = self.shape[0]
        one = self.builder.insert_element(
            ir.Constant(self.vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
        return Lanes(self, [self.builder.shuffle_vector(one, one, zeros)] * self.shape[1])

    def _places(self, field: int) -> list[Any]:
        width, count = self.shape
        offsets = [field * LANES + index * width for index in range(count)]
        integer = ir.IntType(64)
        places = [
            self.builder.gep(self.state, [self.builder.add(self.first, ir.Constant(integer, offset))])
            for offset in offsets
        ]
        return [self.builder.bitcast(place, self.vector.as_pointer()) for place in places]

    def load(self, field: int) -> Lanes:
        """A row of the state."""
        return Lanes(self, [self.builder.load(place, align=8) for place in self._places(field)])

    def store(self, field: int, lanes: Lanes) -> None:
        """Write a row of the state."""
        for place, value in zip(self._places(field), lanes.values, strict=True):
            self.builder.store(value, place, align=8)

    def apart(self, step: Callable[["Block", list[Lanes]], list[Lanes]], values: list[Lanes]) -> list[Lanes]:
        """The same as step(self, values), but one vector after the other.

        Emitted side by side, the temporaries of all vectors live at once, and spill.
        """
        width, count = self.shape
        results = []
        for index in range(count):
            first = self.builder.add(self.first, ir.Constant(ir.IntType(64), index * width))
            alone = Block(self.builder, self.state, (width, 1), first)
            results.append(step(alone, [Lanes(alone, [lanes.values[index]]) for lanes in values]))
        return [Lanes(self, [lanes.values[0] for lanes in row]) for row in zip(*results, strict=True)]

    @contextmanager
    def repeat(self, times: int, start: list[Lanes]) -> Iterator[tuple[list[Lanes], "Carried"]]:
        """A loop in the compiled code: gives the values at the head of a turn, and takes those at its end."""
        carried = Carried(self, start)
        with cgutils.for_range(self.builder, ir.Constant(ir.IntType(64), times)):
            yield carried.values(), carried

    def bits(self, mask: Lanes) -> Any:
        """The mask as 64 bits, each at the place of its lane."""
        width, integer = self.shape[0], ir.IntType(64)
        total = ir.Constant(integer, 0)
        for index, value in enumerate(mask.values):
            narrow = self.builder.bitcast(value, ir.IntType(width))
            wide = self.builder.zext(narrow, integer)
            total = self.builder.or_(total, self.builder.shl(wide, ir.Constant(integer, index * width)))
        return self.builder.shl(total, self.first)


class Carried:
    """Values that a compiled loop carries from turn to turn."""

    def __init__(self, block: Block, start: list[Lanes]) -> None:
        self.block = block
        self._slots = [[cgutils.alloca_once_value(block.builder, v) for v in lanes.values] for lanes in start]

    def __call__(self, end: list[Lanes]) -> None:
        """Take the values at the end of a turn."""
        for slots, lanes in zip(self._slots, end, strict=True):
            for slot, value in zip(slots, lanes.values, strict=True):
                self.block.builder.store(value, slot)

    def values(self) -> list[Lanes]:
        """What they are here."""
        return [Lanes(self.block, [self.block.builder.load(slot) for slot in slots]) for slots in self._slots]


Steps = Callable[[Block, Any], None]
Judge = Callable[[Block, Any], tuple[Lanes, Lanes]]


def lane_kernel(
    steps: Steps, judge: Judge, *, together: int | None = None, shape: tuple[int, int] | None = None
) -> Any:
    """Make a function for `kernel` code: (state, busy, number) -> two masks of 64 bits.

    state is (fields, LANES) float64, busy the mask of the lanes that matter: a block without one is skipped.

    Args:
        steps: emits the arithmetic on one block of lanes.
        judge: emits what follows it, on one vector after the other, and returns two masks. (In one piece
        with the
            steps it would prolong the life of their values, and spill registers in every step.)
        together: vectors in registers at one time, if fewer than the host's usual number.
        shape: vector width and vectors together; the host's by default. For tests: results do not depend on
        it.
    """

    @intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]  # Numba has no types
    def call(_context: Any, state: Any, busy: Any, number: Any) -> Any:  # noqa: ARG001 - Numba's names
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            width, count = shape or host_shape()
            count = min(count, together or count)
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            integer = ir.IntType(64)
            first_mask = cgutils.alloca_once_value(builder, ir.Constant(integer, 0))
            second_mask = cgutils.alloca_once_value(builder, ir.Constant(integer, 0))
            with cgutils.for_range(builder, ir.Constant(integer, LANES // (width * count))) as loop:
                first = builder.mul(loop.index, ir.Constant(integer, width * count))
                everyone = ir.Constant(integer, 2 ** (width * count) - 1)
                here = builder.and_(arguments[1], builder.shl(everyone, first))
                with builder.if_then(builder.icmp_unsigned("!=", here, ir.Constant(integer, 0))):
                    steps(Block(builder, array.data, (width, count), first), arguments[2])
                    with cgutils.for_range(builder, ir.Constant(integer, count)) as inner:
                        here = builder.add(first, builder.mul(inner.index, ir.Constant(integer, width)))
                        block = Block(builder, array.data, (width, 1), here)
                        masks = judge(block, arguments[2])
                        for place, mask in zip((first_mask, second_mask), masks, strict=True):
                            found = builder.and_(block.bits(mask), arguments[1])
                            builder.store(builder.or_(builder.load(place), found), place)
            return context.make_tuple(
                builder, signature.return_type, [builder.load(first_mask), builder.load(second_mask)]
            )

        return types.UniTuple(types.uint64, 2)(state, types.uint64, types.float64), generate

    return call


@intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]  # Numba has no types
def _lowest_bit(_context: Any, mask: Any) -> Any:  # noqa: ARG001 - Numba reads the names
    """The place of the lowest bit that is set, of a mask that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


lowest_bit: Any = _lowest_bit
