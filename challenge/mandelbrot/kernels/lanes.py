"""Loops over the lanes of a state, made from arithmetic on `Lanes`: step all lanes, or compact the state.

A state is a (rows, columns) float64 array; a lane is a column, and the first `live` columns are in use. All
lanes step together. From time to time the state is compacted: lanes that stay move to the front, lanes that
leave are appended to another state. Loops work on whole vectors, so a state has `SLACK` columns more than may
be in use.
"""

# mypy: disable-error-code="no-untyped-call"
# Numba says that it is typed, and is not.

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from challenge.mandelbrot.kernels.llvm_vectors import Block, Lanes, State, host_shape

SLACK: Final = 64

Steps = Callable[[Block, Any, Any], None]
Judge = Callable[[Block, Any], tuple[Lanes, ...]]

_WIDEST: Final = 8
_INTEGER: Final = ir.IntType(64)


def _number(value: int) -> Any:
    return ir.Constant(_INTEGER, value)


def lane_kernel(steps: Steps, *, together: int | None = None, shape: tuple[int, int] | None = None) -> Any:
    """Make a function for `kernel` code: (state, live, turns, number) -> 0.

    Args:
        steps: emits the arithmetic on one block of lanes: (block, turns, number); LLVM's values, turns an
            integer, number a double.
        together: vectors in registers at one time, if fewer than the host's usual number.
        shape: vector width and vectors together; the host's by default. Results do not depend on it.
    """

    @intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]  # Numba has no types
    def call(_context: Any, state: Any, live: Any, turns: Any, number: Any) -> Any:  # noqa: ARG001 - Numba's
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            width, count = shape or host_shape()
            count = min(count, together or count)
            lanes = State(context, builder, signature.args[0], arguments[0])
            _, live, turns, number = arguments
            blocks = builder.udiv(builder.add(live, _number(width * count - 1)), _number(width * count))
            with cgutils.for_range(builder, blocks) as loop:
                first = builder.mul(loop.index, _number(width * count))
                block = Block(builder, lanes, (width, count), first, live)
                steps(block, turns, number)
            return _number(0)

        return types.int64(state, types.int64, types.int64, types.float64), generate

    return call


def _compress(builder: Any, value: Any, mask: Any, to: State, row: int, place: Any) -> None:
    """Write the chosen lanes of a vector side by side; what lies beyond them may be written too."""
    width = value.type.count
    # AVX-512's compression into memory is slow on some processors, that into a register on none.
    if width == _WIDEST:
        kind = ir.FunctionType(value.type, [value.type, value.type, mask.type])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.mask.compress.v8f64")
        packed = builder.call(function, [value, value, mask])
        builder.store(packed, to.places(row, place, width), align=8)
        return
    for lane in range(width):
        index = ir.Constant(ir.IntType(32), lane)
        builder.store(builder.extract_element(value, index), to.place(row, place))
        place = builder.add(place, builder.zext(builder.extract_element(mask, index), _INTEGER))


def _count(builder: Any, mask: Any) -> Any:
    narrow = builder.bitcast(mask, ir.IntType(mask.type.count))
    return builder.ctpop(builder.zext(narrow, _INTEGER))


def compaction_kernel(
    judge: Judge,
    moves: dict[int, int],
    leaves: dict[int, int],
    *,
    shape: tuple[int, int] | None = None,
) -> Any:
    """Make a function for `kernel` code: (state, live, finished, done, number) -> (live, done, flagged).

    It moves the lanes that stay to the front of the state, and appends the others to finished, in which done
    are so many already. Both keep their order.

    Args:
        judge: emits, for one vector, the masks of the lanes that stay, and of those to look at more closely:
            flagged says whether done is one. A third mask says who leaves; the rest is forgotten.
        moves: by row, where it is read from in a lane that stays.
        leaves: by row of finished, where it is read from in a lane that leaves.
        shape: see `lane_kernel`.
    """

    @intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]  # Numba has no types
    def call(_context: Any, state: Any, live: Any, finished: Any, done: Any, number: Any) -> Any:  # noqa: ARG001 - Numba's
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            width = (shape or host_shape())[0]
            here = State(context, builder, signature.args[0], arguments[0])
            away = State(context, builder, signature.args[2], arguments[2])
            _, live, _, done, number = arguments
            kept = cgutils.alloca_once_value(builder, _number(0))
            gone = cgutils.alloca_once_value(builder, done)
            looked = cgutils.alloca_once_value(builder, _number(0))
            blocks = builder.udiv(builder.add(live, _number(width - 1)), _number(width))
            with cgutils.for_range(builder, blocks) as loop:
                first = builder.mul(loop.index, _number(width))
                block = Block(builder, here, (width, 1), first, live)
                present = block.present()
                stay, flagged, *leaves_too = judge(block, number)
                leave = (present & (leaves_too[0] if leaves_too else ~stay)).values[0]
                stay, flagged = stay & present, flagged & stay & present
                seen = builder.zext(block.any(flagged), _INTEGER)
                builder.store(builder.or_(builder.load(looked), seen), looked)
                leaving = _count(builder, leave)
                with builder.if_then(builder.icmp_unsigned("!=", leaving, _number(0))):
                    place = builder.load(gone)
                    for row, source in leaves.items():
                        _compress(builder, block.load(source).values[0], leave, away, row, place)
                    builder.store(builder.add(place, leaving), gone)
                # A lane never moves to where another still has to be read from.
                staying = _count(builder, stay.values[0])
                with builder.if_then(builder.icmp_unsigned("!=", staying, _number(0))):
                    place = builder.load(kept)
                    for row, source in moves.items():
                        _compress(builder, block.load(source).values[0], stay.values[0], here, row, place)
                    builder.store(builder.add(place, staying), kept)
            results = [builder.load(slot) for slot in (kept, gone, looked)]
            return context.make_tuple(builder, signature.return_type, results)

        return types.UniTuple(types.int64, 3)(
            state, types.int64, finished, types.int64, types.float64
        ), generate

    return call
