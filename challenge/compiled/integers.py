"""One point in fixed-point integers of hundreds of bits: for what double-double cannot settle.

Such points are rare, live for tens of thousands of iterations, and lie within 2^-180 of the set. LLVM
multiplies integers of any width, which is twenty times faster here than Python's own.
"""

# mypy: disable-error-code="no-untyped-call"
# Numba says that it is typed, and is not.

import math
from fractions import Fraction
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from challenge.compiled.bursts import BAILOUT_SQUARED, LOST
from challenge.compiled.logarithm import exterior_distance, smooth, trustworthy
from challenge.compiled.vectors import kernel

# 64-bit words of a number, in turn until one is precise enough.
WORDS: Final = (5, 8, 12)


def fraction_bits(words: int) -> int:
    """Bits below the point; above it there is room for |z|^2 at the bailout, and a sign."""
    return 64 * words - 40


Words = NDArray[np.uint64]
Array = NDArray[np.float64]


def _step_of(words: int) -> Any:
    """One step of z^2 + c on state, (4, words) uint64: zr, zi, cr, ci; gives z rounded to float64."""
    bits, fraction = 64 * words, fraction_bits(words)

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]  # Numba has no types
    def step(_context: Any, state: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number, product = ir.IntType(bits), ir.IntType(2 * bits)
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            rows = [builder.gep(array.data, [ir.Constant(ir.IntType(64), words * row)]) for row in range(4)]
            places = [builder.bitcast(row, number.as_pointer()) for row in rows]
            zr, zi, cr, ci = (builder.load(place, align=8) for place in places)
            zero = ir.Constant(number, 0)
            negative_r, negative_i = builder.icmp_signed("<", zr, zero), builder.icmp_signed("<", zi, zero)
            size_r = builder.select(negative_r, builder.neg(zr), zr)
            size_i = builder.select(negative_i, builder.neg(zi), zi)

            def times(a: Any, b: Any) -> Any:
                wide = builder.mul(builder.zext(a, product), builder.zext(b, product))
                return builder.trunc(builder.lshr(wide, ir.Constant(product, fraction)), number)

            cross = times(size_r, size_i)
            cross = builder.select(builder.xor(negative_r, negative_i), builder.neg(cross), cross)
            zr = builder.add(builder.sub(times(size_r, size_r), times(size_i, size_i)), cr)
            zi = builder.add(builder.add(cross, cross), ci)
            results = []
            for value, place in ((zr, places[0]), (zi, places[1])):
                builder.store(value, place, align=8)
                word, real = ir.IntType(64), ir.DoubleType()
                high = builder.trunc(builder.ashr(value, ir.Constant(number, bits - 64)), word)
                low = builder.trunc(builder.ashr(value, ir.Constant(number, bits - 128)), word)
                scaled_high = builder.fmul(
                    builder.sitofp(high, real), ir.Constant(real, 2.0 ** (bits - 64 - fraction))
                )
                scaled_low = builder.fmul(
                    builder.uitofp(low, real), ir.Constant(real, 2.0 ** (bits - 128 - fraction))
                )
                results.append(builder.fadd(scaled_high, scaled_low))
            return context.make_tuple(builder, signature.return_type, results)

        return types.UniTuple(types.float64, 2)(state), generate

    return step


def _follow_of(words: int) -> Any:
    step = _step_of(words)
    # Three products are cut off, and z is doubled.
    rounding = 2.0 ** (3 - fraction_bits(words))

    @kernel
    def follow(state: Words, limit: float, mu: Array, distance: Array) -> bool:
        zr = zi = dr = di = error = 0.0
        count = 0.0
        while count < limit:
            squared = zr * zr + zi * zi
            if squared > BAILOUT_SQUARED:
                break
            dr, di = 2.0 * (zr * dr - zi * di) + 1.0, 2.0 * (zr * di + zi * dr)
            count += 1.0
            reach = 10.1 * count * rounding
            error = (4.0 * squared + reach * reach * error) * error + 1.01
            zr, zi = step(state)
        squared = zr * zr + zi * zi
        if not squared > BAILOUT_SQUARED:
            mu[0], distance[0] = np.inf, 0.0
            return bool(count * error * rounding * rounding <= LOST * LOST)
        mu[0] = smooth(squared, count)
        distance[0] = exterior_distance(squared, dr, di)
        return bool(trustworthy(squared, count, mu[0], error, rounding))

    return follow


# Follow one point: (state (4, words) as `_step_of` says, limit, mu (1,), distance (1,)) -> whether it was
# precise enough; mu and distance are written, as by `escape.escape`.
FOLLOW: Final = {words: _follow_of(words) for words in WORDS}


def start(re: float, im: float, words: int) -> Words:
    """The state in which a point begins."""
    state = np.zeros((4, words), np.uint64)
    for row, value in ((2, re), (3, im)):
        fixed = math.floor(Fraction(value) * 2 ** fraction_bits(words)) % 2 ** (64 * words)
        state[row] = [(fixed >> 64 * word) & (2**64 - 1) for word in range(words)]
    return state
