"""LLVM vectors for Numba: arithmetic on many lanes that stays in registers.

Numba's loops over arrays go through memory at every step. A lane kernel (see `lanes`) is written once, in
Python, as straight-line arithmetic on `Lanes`, and becomes LLVM vector instructions in the compiled caller.
The width of a vector follows the host's registers; the order of the operations and every rounding do not, so
results are the same bits on every CPU. Fused multiply-adds are explicit, never the compiler's choice.
"""

# mypy: disable-error-code="no-untyped-call"
# Numba says that it is typed, and is not.

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from llvmlite import binding, ir
from numba.core import cgutils, config

from challenge.util.jit import kernel_decorator

kernel: Final = kernel_decorator(Path(__file__).parent)


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

    def __or__(self, other: "Lanes") -> Self:
        return self._with(other, self.block.builder.or_)

    def root(self) -> Self:
        """The square root, correctly rounded."""
        return type(self)(self.block, [self.block.root(a) for a in self.values])

    def size(self) -> Self:
        """The absolute value."""
        return type(self)(self.block, [self.block.size(a) for a in self.values])

    def where(self, yes: "Lanes | float", no: "Lanes | float") -> Self:
        """This mask's choice between two."""
        triples = zip(self.values, self.block.lift(yes).values, self.block.lift(no).values, strict=True)
        return type(self)(self.block, [self.block.builder.select(*triple) for triple in triples])


class State:
    """A (rows, capacity) array of float64 in the caller's memory."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, builder, value)
        self.builder, self.data = builder, array.data
        bytes_apart = builder.extract_value(array.strides, 0)
        self.apart = builder.sdiv(bytes_apart, ir.Constant(ir.IntType(64), 8))

    def place(self, row: int, lane: Any) -> Any:
        """Where a lane's number in a row lies."""
        offset = self.builder.add(self.builder.mul(self.apart, ir.Constant(ir.IntType(64), row)), lane)
        return self.builder.gep(self.data, [offset])

    def places(self, row: int, lane: Any, width: int) -> Any:
        """Where so many lanes of a row lie, from this one on."""
        vector = ir.VectorType(ir.DoubleType(), width)
        return self.builder.bitcast(self.place(row, lane), vector.as_pointer())


class Block:
    """The lanes that are in registers at one time, their places in the state, and how many are in use."""

    def __init__(self, builder: Any, state: State, shape: tuple[int, int], first: Any, live: Any) -> None:
        self.builder, self.state, self.shape, self.first, self.live = builder, state, shape, first, live
        self.vector = ir.VectorType(ir.DoubleType(), shape[0])

    def _call(self, name: str, *arguments: Any) -> Any:
        kind = ir.FunctionType(self.vector, [self.vector] * len(arguments))
        function = cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.{name}.v{self.shape[0]}f64"
        )
        return self.builder.call(function, arguments)

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """A * b + c of LLVM values, rounded once."""
        return self._call("fma", a, b, c)

    def root(self, a: Any) -> Any:
        """The square root of an LLVM value, correctly rounded."""
        return self._call("sqrt", a)

    def size(self, a: Any) -> Any:
        """The absolute value of an LLVM value."""
        return self._call("fabs", a)

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

    def present(self) -> Lanes:
        """The mask of the lanes that are in use: the last block may reach beyond them."""
        width, count = self.shape
        integers = ir.VectorType(ir.IntType(64), width)
        left = self.builder.sub(self.live, self.first)
        one = self.builder.insert_element(
            ir.Constant(integers, ir.Undefined), left, ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
        everywhere = self.builder.shuffle_vector(one, one, zeros)
        places = [
            ir.Constant(integers, list(range(index * width, (index + 1) * width))) for index in range(count)
        ]
        return Lanes(self, [self.builder.icmp_signed("<", place, everywhere) for place in places])

    def load(self, row: int) -> Lanes:
        """A row of the state."""
        return Lanes(self, [self.builder.load(place, align=8) for place in self._places(row)])

    def store(self, row: int, lanes: Lanes) -> None:
        """Write a row of the state."""
        for place, value in zip(self._places(row), lanes.values, strict=True):
            self.builder.store(value, place, align=8)

    def _places(self, row: int) -> list[Any]:
        width, count = self.shape
        return [
            self.state.places(
                row, self.builder.add(self.first, ir.Constant(ir.IntType(64), index * width)), width
            )
            for index in range(count)
        ]

    def apart(self, step: Callable[["Block", list[Lanes]], list[Lanes]], values: list[Lanes]) -> list[Lanes]:
        """The same as step(self, values), but one vector after the other.

        Emitted side by side, the temporaries of all vectors live at once, and spill.
        """
        width, count = self.shape
        results = []
        for index in range(count):
            first = self.builder.add(self.first, ir.Constant(ir.IntType(64), index * width))
            alone = Block(self.builder, self.state, (width, 1), first, self.live)
            results.append(step(alone, [Lanes(alone, [lanes.values[index]]) for lanes in values]))
        return [Lanes(self, [lanes.values[0] for lanes in row]) for row in zip(*results, strict=True)]

    @contextmanager
    def repeat(self, times: Any, start: list[Lanes]) -> Iterator[tuple[list[Lanes], "Carried"]]:
        """A loop in the compiled code: gives the values at the head of a turn, and takes those at its end."""
        carried = Carried(self, start)
        with cgutils.for_range(self.builder, times):
            yield carried.values(), carried

    @contextmanager
    def until_none(self) -> Iterator[Callable[[Any], None]]:
        """A loop in the compiled code: takes, at the end of a turn, a bit: whether there is another."""
        body = self.builder.append_basic_block("until_none")
        done = self.builder.append_basic_block("none")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        bits: list[Any] = []
        yield bits.append
        self.builder.cbranch(bits[0], body, done)
        self.builder.position_at_end(done)

    def any(self, mask: Lanes) -> Any:
        """Whether the mask is true in some lane, as one bit."""
        integer = ir.IntType(self.shape[0])
        total = ir.Constant(integer, 0)
        for value in mask.values:
            total = self.builder.or_(total, self.builder.bitcast(value, integer))
        return self.builder.icmp_unsigned("!=", total, ir.Constant(integer, 0))


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
