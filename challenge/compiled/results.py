"""The smooth counts of 64 lanes at once: where orbits are short, the logarithms would cost the most."""

import math
from typing import Any, Final

from challenge.compiled.bursts import BAILOUT_SQUARED, COUNT, ERROR, MU, ROUNDING, ZI, ZR
from challenge.compiled.logarithm import ALLOWED
from challenge.compiled.vectors import Block, Lanes, lane_kernel

_LN2: Final = math.log(2.0)


def _log2(x: Lanes) -> Lanes:
    """As `logarithm.log2`, operation by operation."""
    exponent, mantissa = x.split()
    low = mantissa <= 1.4142135623730951
    exponent = low.where(exponent, exponent + 1.0)
    mantissa = low.where(mantissa, mantissa * 0.5)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    q = s * s
    series = q * (1.0 / 21.0) + 1.0 / 19.0
    for odd in (17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0):
        series = series * q + 1.0 / odd
    return exponent + (s * q * series + s) * (2.0 / _LN2)


def _judge(block: Block, _limit: Any) -> tuple[Lanes, Lanes]:
    zr, zi, error, count = (block.load(field) for field in (ZR, ZI, ERROR, COUNT))
    squared = zr * zr + zi * zi
    outside = ~(squared <= BAILOUT_SQUARED)
    # Those that stay get a number that is no trouble.
    safe = outside.where(squared, 2.0 * BAILOUT_SQUARED)
    log_z = _log2(safe) * 0.5
    mu = count + 1.0 - _log2(log_z)
    block.store(MU, mu)
    # `logarithm.trustworthy`, squared on both sides.
    m = (mu <= 0.0).where(0.0, mu) + 50.0
    allowed = m * m * log_z * (ALLOWED * _LN2 * _LN2 / (50.0 * ROUNDING))
    return outside, outside & (count * error <= allowed * allowed * safe)


# (state, busy, -) -> who has escaped, and of them whose count, now in MU, is precise enough.
measure: Final = lane_kernel(lambda _block, _limit: None, _judge)
