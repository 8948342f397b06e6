"""Escape counts of any map in integers of any length: for the points that nothing faster could settle.

Fixed point, with the error carried along as an upper bound, and twice as many bits until the bound is good
enough. Slow (milliseconds to seconds a point), and right in the end.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from challenge.mandelbrot.bigint import Escape, fixed, log2
from challenge.targets.kernels import SMALLEST

_BAILOUT_BITS: Final = 32
_FIRST_BITS: Final = 192
_MOST_BITS: Final = 1 << 16
_SCALE: Final = 60
# Bits of z beyond its error that the count wants: 1e-12 in relative terms.
_WANTED: Final = 40


@dataclass(frozen=True)
class Orbit:
    """What is iterated: see `challenge.targets.kernels`.

    Attributes:
        conjugate: whether each step takes the conjugate of z.
        coefficients: a_0 .. a_(d-2).
        start: where the orbit starts.
        added: what each step adds.
        dynamical: the plane's point is where the orbit starts, and not what is added.
    """

    conjugate: bool
    coefficients: Sequence[complex]
    start: complex
    added: complex
    dynamical: bool


def _float(value: int, bits: int) -> float:
    return math.ldexp(value >> (bits - _SCALE), -_SCALE)


def _distance(z: complex, along_x: complex, along_y: complex) -> float:
    size = abs(z)
    slope = [(z.real * along.real + z.imag * along.imag) / size for along in (along_x, along_y)]
    # An overflow on the way is a point that touches the set as closely as doubles can say.
    steep = math.hypot(*slope)
    return (
        max(SMALLEST, 2 * size * math.log(size) / steep) if math.isfinite(steep) and steep > 0 else SMALLEST
    )


def _size(re: int, im: int, bits: int) -> float:
    """|re + i im| as a float, rounded up."""
    return math.hypot(_float(re, bits), _float(im, bits)) * (1 + 1e-12) + 2.0 ** (2 - _SCALE)


def _attempt(orbit: Orbit, limit: int, bits: int) -> Escape | None:
    degree = len(orbit.coefficients) + 1
    a = [(fixed(c.real, bits), fixed(c.imag, bits)) for c in orbit.coefficients]
    total = 1 + sum(abs(c) for c in orbit.coefficients) + abs(orbit.added)
    cr, ci = fixed(orbit.added.real, bits), fixed(orbit.added.imag, bits)
    zr, zi = fixed(orbit.start.real, bits), fixed(orbit.start.imag, bits)
    # In units of 2^-bits, as everything else; fixed has lost up to one of them.
    error = 2
    # Derivatives along x and y: floats will do, since nothing but the distance asks for them.
    step = 0.0 if orbit.dynamical else 1.0
    along_x, along_y = complex(1 - step, 0), complex(0, 1 - step)
    one, bailout = 1 << bits, 1 << (2 * bits + _BAILOUT_BITS)
    for n in range(1, limit + 1):
        reach = max(1.0, _size(zr, zi, bits)) + 1e-3
        if orbit.conjugate:
            zi, along_x, along_y = -zi, along_x.conjugate(), along_y.conjugate()
        pr, pi, qr, qi = zr, zi, one, 0
        for ar, ai in reversed(a):
            qr, qi = ((qr * zr - qi * zi) >> bits) + pr, ((qr * zi + qi * zr) >> bits) + pi
            pr, pi = ((pr * zr - pi * zi) >> bits) + ar, ((pr * zi + pi * zr) >> bits) + ai
        zr, zi = pr + cr, pi + ci
        q = complex(_float(qr, bits), _float(qi, bits))
        along_x, along_y = q * along_x + step, q * along_y + step * 1j
        slope = math.ceil(math.ldexp(_size(qr, qi, bits), _SCALE))
        bend = math.ceil(0.5 * degree * (degree - 1) * total * reach ** (degree - 2))
        # A step of Horner's rule loses up to 3 units, which later steps magnify by up to |w| each.
        loss = math.ceil(8 * degree * total * reach**degree)
        error = ((slope * error) >> _SCALE) + ((bend * error * error) >> bits) + loss
        squared = zr * zr + zi * zi
        if squared > bailout:
            log_z = 0.5 * (log2(squared) - 2 * bits)
            if error.bit_length() + _WANTED > bits + log_z:
                return None
            mu = n + 1 - math.log2(log_z) / math.log2(degree)
            z = complex(_float(zr, bits), _float(zi, bits))
            return Escape(mu, _distance(z, along_x, along_y))
        if error > one >> 10:
            return None
    return Escape(math.inf, 0.0)


def escape(orbit: Orbit, limit: int) -> Escape:
    """The escape of one orbit, right to about 1e-12 in the count."""
    bits = _FIRST_BITS
    while bits <= _MOST_BITS:
        result = _attempt(orbit, limit, bits)
        if result is not None:
            return result
        bits *= 2
    # As far as we know there is no such double; it would hang on the border longer than anything we met.
    return Escape(math.inf, 0.0)
