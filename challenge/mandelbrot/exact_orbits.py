"""Escape counts in integers of any length, for the points that nothing faster could settle.

Fixed-point numbers in units of 2^-bits, held in FLINT's integers, which at a thousand bits are several times
faster than Python's. An upper bound of the error is carried along, and the number of bits is doubled until
the bound is small enough. Slow (milliseconds to seconds for a point), and always right in the end.

The map is z -> f(w) + added, where w is z or its conjugate and f is monic and centred of degree d:
f(w) = w^d + a_(d-2) w^(d-2) + ... + a_0. For the Mandelbrot set d = 2 and a_0 = 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from flint import fmpz

# What is given as the distance of a point whose derivative overflows a double.
SMALLEST: Final = 1e-300

_BAILOUT_BITS: Final = 32
_FIRST_BITS: Final = 192
# No double is known that needs as many bits; one that did would be taken to be inside.
_MOST_BITS: Final = 1 << 16
_SCALE: Final = 60
# Bits of z beyond its error that the count needs: 1e-12 in relative terms.
_WANTED: Final = 40


@dataclass(frozen=True)
class Escape:
    """How a point escapes: smooth count (inf if it does not) and exterior distance (0 if it does not)."""

    mu: float
    distance: float


@dataclass(frozen=True)
class Orbit:
    """What is iterated; by default the map of the Mandelbrot set.

    Attributes:
        start: where the orbit starts.
        added: what each step adds.
        coefficients: a_0 .. a_(d-2).
        conjugate: whether each step takes the conjugate of z.
        dynamical: the plane's point is where the orbit starts, and not what is added.
    """

    start: complex
    added: complex
    coefficients: Sequence[complex] = (0j,)
    conjugate: bool = False
    dynamical: bool = False


def _fixed(value: float, bits: int) -> Any:
    """A number in units of 2^-bits, rounded down."""
    return fmpz(math.floor(Fraction(value) * (1 << bits)))


def _float(value: Any, bits: int) -> float:
    return math.ldexp(float(value >> (bits - _SCALE)), -_SCALE)


def _log2(value: Any) -> float:
    """log2 of a positive integer of any length."""
    shift: int = max(value.bit_length() - 64, 0)
    return math.log2(int(value >> shift)) + shift


def _size(re: Any, im: Any, bits: int) -> float:
    """|re + i im| as a float, rounded up."""
    return math.hypot(_float(re, bits), _float(im, bits)) * (1 + 1e-12) + 2.0 ** (2 - _SCALE)


def _distance(z: complex, along_x: complex, along_y: complex) -> float:
    """2 |z| ln |z| / |grad |z||, from the derivatives of z along both axes of the plane."""
    size = abs(z)
    slope = [(z.real * along.real + z.imag * along.imag) / size for along in (along_x, along_y)]
    steep = math.hypot(*slope)
    return (
        max(SMALLEST, 2 * size * math.log(size) / steep) if math.isfinite(steep) and steep > 0 else SMALLEST
    )


def _attempt(orbit: Orbit, limit: int, bits: int) -> Escape | None:
    """The escape, computed with `bits` bits after the point; None if they are too few."""
    degree = len(orbit.coefficients) + 1
    *lower, highest = [(_fixed(c.real, bits), _fixed(c.imag, bits)) for c in orbit.coefficients]
    total = 1 + sum(abs(c) for c in orbit.coefficients) + abs(orbit.added)
    cr, ci = _fixed(orbit.added.real, bits), _fixed(orbit.added.imag, bits)
    zr, zi = _fixed(orbit.start.real, bits), _fixed(orbit.start.imag, bits)
    # In units of 2^-bits; rounding down has lost up to one of them in each part.
    error = fmpz(2)
    # Derivatives along x and y: doubles are enough, since only the distance needs them.
    step = 0.0 if orbit.dynamical else 1.0
    along_x, along_y = complex(1 - step, 0), complex(0, 1 - step)
    lost, bailout = fmpz(1) << (bits - 10), fmpz(1) << (2 * bits + _BAILOUT_BITS)
    for n in range(1, limit + 1):
        reach = max(1.0, _size(zr, zi, bits)) + 1e-3
        if orbit.conjugate:
            zi, along_x, along_y = -zi, along_x.conjugate(), along_y.conjugate()
        # Horner's rule for f(w) and f'(w), of which the first step is w^2 and 2 w.
        pr, pi = ((zr * zr - zi * zi) >> bits) + highest[0], (zr * zi >> (bits - 1)) + highest[1]
        qr, qi = zr << 1, zi << 1
        for ar, ai in reversed(lower):
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
            log_z = 0.5 * (_log2(squared) - 2 * bits)
            if error.bit_length() + _WANTED > bits + log_z:
                return None
            mu = n + 1 - math.log2(log_z) / math.log2(degree)
            z = complex(_float(zr, bits), _float(zi, bits))
            return Escape(mu, _distance(z, along_x, along_y))
        if error > lost:
            return None
    return Escape(math.inf, 0.0)


def escape(orbit: Orbit, limit: int, first_bits: int = _FIRST_BITS) -> Escape:
    """The escape of one orbit within `limit` steps, right to about 1e-12 in the count."""
    bits = first_bits
    while bits <= _MOST_BITS:
        result = _attempt(orbit, limit, bits)
        if result is not None:
            return result
        bits *= 2
    return Escape(math.inf, 0.0)
