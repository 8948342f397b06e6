"""Escape counts in integers of any length: for the point that nothing else could settle.

The last resort after `kernels.multiprecision_steps`. The error is carried along as an upper bound, and the
precision doubled until the bound is good enough; so this is slow (a second a point) and ends right.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_BAILOUT_BITS: Final = 32
_FIRST_BITS: Final = 1024
# As far as we know, no double needs as many within 100,000 iterations, but those that `interior.known_inside`
# knows; a point that does is taken to be inside.
_MOST_BITS: Final = 1 << 16
_SCALE: Final = 60


@dataclass(frozen=True)
class Escape:
    """How a point escapes: smooth count (inf if it does not) and exterior distance (0 if it does not)."""

    mu: float
    distance: float


def fixed(value: float, bits: int) -> int:
    """A number in units of 2^-bits, rounded down."""
    return math.floor(Fraction(value) * (1 << bits))


def log2(value: int) -> float:
    """log2 of a positive integer of any length."""
    shift = max(value.bit_length() - 64, 0)
    return math.log2(value >> shift) + shift


def _attempt(re: float, im: float, limit: int, bits: int) -> Escape | None:
    cr, ci = fixed(re, bits), fixed(im, bits)
    zr = zi = dr = di = error = 0
    one, bailout = 1 << bits, 1 << (2 * bits + _BAILOUT_BITS)
    for n in range(1, limit + 1):
        size = math.hypot(
            math.ldexp(zr >> (bits - _SCALE), -_SCALE), math.ldexp(zi >> (bits - _SCALE), -_SCALE)
        )
        factor = math.ceil(math.ldexp(2.0 * size, _SCALE) * (1.0 + 1e-12)) + 8
        error = (error * factor >> _SCALE) + (error * error >> bits) + 8
        dr, di = ((zr * dr - zi * di) >> (bits - 1)) + one, (zr * di + zi * dr) >> (bits - 1)
        zr, zi = ((zr * zr - zi * zi) >> bits) + cr, (zr * zi >> (bits - 1)) + ci
        squared = zr * zr + zi * zi
        if squared > bailout:
            if error.bit_length() + 50 > zr.bit_length() and error.bit_length() + 50 > zi.bit_length():
                return None
            log_z = 0.5 * (log2(squared) - 2 * bits)
            size_d = 0.5 * log2(dr * dr + di * di) - bits
            exponent = log_z + math.log2(log_z) + 1.0 + math.log2(math.log(2.0)) - size_d
            return Escape(n + 1 - math.log2(log_z), 2.0 ** max(exponent, -1074.0))
        if error > one >> 6:
            return None
    return Escape(math.inf, 0.0)


def escape(re: float, im: float, limit: int) -> Escape:
    """The escape of one plane point, right to about 1e-13 in the count."""
    bits = _FIRST_BITS
    while bits <= _MOST_BITS:
        result = _attempt(re, im, limit, bits)
        if result is not None:
            return result
        bits *= 2
    return Escape(math.inf, 0.0)
