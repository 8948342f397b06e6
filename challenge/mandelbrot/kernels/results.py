"""From an escaped z to the smooth count and the distance, and whether they are precise enough; in vectors."""

import math
from typing import Any, Final

from challenge.mandelbrot.kernels.float64_steps import (
    AHEAD,
    BAILOUT_SQUARED,
    COUNT,
    DI,
    DR,
    ERROR,
    PRECISE,
    ZI,
    ZR,
)
from challenge.mandelbrot.kernels.lanes import lane_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Lanes

# Rows that are written: the smooth count, the distance, and what became of the lane.
MU: Final = AHEAD
DISTANCE: Final = AHEAD + 1
OUTCOME: Final = AHEAD + 2
DOUBTFUL, SETTLED, LATE = 0.0, 1.0, 2.0

# Share of the contract's 1e-9 that rounding in the orbit may take.
ALLOWED: Final = 8e-10
# Relative error of z up to which the logarithm is linear, and e^2 is small.
_SMALL: Final = 1e-3
_LN2: Final = math.log(2.0)


def _log2(x: Lanes) -> Lanes:
    """As `logarithm.log2`, with fused multiply-adds."""
    exponent, mantissa = x.split()
    low = mantissa <= 1.4142135623730951
    exponent = low.where(exponent, exponent + 1.0)
    mantissa = low.where(mantissa, mantissa * 0.5)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    q = s * s
    series = q * (1.0 / 21.0) + 1.0 / 19.0
    for odd in (17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0):
        series = series.fma(q, 1.0 / odd)
    return (s * q).fma(series, s).fma(x.block.constant(2.0 / _LN2), exponent)


def _exterior_distance(block: Block, squared: Lanes, log_squared: Lanes) -> Lanes:
    """2 |z| ln |z| / |dz/dc|: between 1/2 and 2 times the distance to the set, nearly (Koebe)."""
    dr, di = block.load(DR).size(), block.load(DI).size()
    scale = (dr <= di).where(di, dr)
    dr, di = dr / scale, di / scale
    length = (dr * dr + di * di).root()
    return log_squared * _LN2 * (squared.root() / scale / length)


def _measure(*, with_distance: bool, of_many: bool = False) -> Any:
    def steps(block: Block, turns: Any, limit: Any) -> None:
        if not of_many:
            measured(block, turns, limit)
            return
        zr, zi = block.load(ZR), block.load(ZI)
        block.store(OUTCOME, block.constant(DOUBTFUL))
        with block.builder.if_then(block.any(~(zr.fma(zr, zi * zi) <= BAILOUT_SQUARED))):
            measured(block, turns, limit)

    def measured(block: Block, _turns: Any, limit: Any) -> None:
        zr, zi, error, count = (block.load(row) for row in (ZR, ZI, ERROR, COUNT))
        squared = zr * zr + zi * zi
        outside = ~(squared <= BAILOUT_SQUARED)
        # Those that stay get a number that is no trouble.
        safe = outside.where(squared, 2.0 * BAILOUT_SQUARED)
        log_squared = _log2(safe)
        log_z = log_squared * 0.5
        mu = count + 1.0 - _log2(log_z)
        # A relative error r of z moves mu by r / (log2|z| ln(2)^2), and t by 50 / (m + 50)^2 of that.
        m = (mu <= 0.0).where(0.0, mu) + 50.0
        allowed = m * m * log_z * (ALLOWED * _LN2 * _LN2 / 50.0)
        allowed = (allowed <= _SMALL).where(allowed, _SMALL)
        settled = outside & (error <= allowed * allowed * safe)
        late = (squared <= BAILOUT_SQUARED) & (block.spread(limit) <= count)
        late &= error <= (squared + 1.0) * PRECISE**2
        block.store(MU, outside.where(mu, math.inf))
        block.store(OUTCOME, settled.where(SETTLED, late.where(LATE, DOUBTFUL)))
        if with_distance:
            block.store(DISTANCE, outside.where(_exterior_distance(block, safe, log_squared), 0.0))

    return lane_kernel(steps, together=3)


# (state, live, 0, limit) -> 0
measure: Final = _measure(with_distance=False)
measure_with_distance: Final = _measure(with_distance=True)
# The same where most have not escaped; those of vectors without any that has stay `DOUBTFUL`.
measure_of_many: Final = _measure(with_distance=False, of_many=True)
measure_of_many_with_distance: Final = _measure(with_distance=True, of_many=True)
