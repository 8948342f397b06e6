"""From an escaped z to the smooth count.

The logarithm is our own: a few multiplications and additions in a fixed order, the same bits on every CPU and
with every C library.
"""

import math

import numpy as np

from challenge.mandelbrot.kernels.llvm_vectors import kernel

_LN2 = math.log(2.0)


@kernel
def log2(x: float) -> float:
    """Base-2 logarithm of a normal positive number, to about 1e-15 relative to max(1, |result|)."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits >> 52) - 1023
    mantissa = np.int64((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)
    if mantissa > 1.4142135623730951:
        mantissa *= 0.5
        exponent += 1
    s = (mantissa - 1.0) / (mantissa + 1.0)
    q = s * s
    series = 1.0 / 21.0
    series = series * q + 1.0 / 19.0
    series = series * q + 1.0 / 17.0
    series = series * q + 1.0 / 15.0
    series = series * q + 1.0 / 13.0
    series = series * q + 1.0 / 11.0
    series = series * q + 1.0 / 9.0
    series = series * q + 1.0 / 7.0
    series = series * q + 1.0 / 5.0
    series = series * q + 1.0 / 3.0
    return exponent + (s * q * series + s) * (2.0 / _LN2)


@kernel
def smooth(squared: float, count: float) -> float:
    """The count n + 1 - log2(log2 |z|) from |z|^2."""
    return float(count + 1.0 - log2(0.5 * log2(squared)))
