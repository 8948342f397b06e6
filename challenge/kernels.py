"""Compiled loops: raw float64 arrays in, raw arrays out. Names and checks live in `challenge.target`."""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BAILOUT_SQUARED = 2.0**32


def kernel(function: Callable[..., Any]) -> Any:
    """Compile once and keep the result on disk; release the GIL; no fast-math, so results do not depend on the CPU."""
    return numba.njit(cache=True, nogil=True, parallel=True, error_model="numpy")(function)


@kernel
def smooth_escape(re: Array, im: Array, limit: int, mu: Array, distance: Array) -> None:
    for i in numba.prange(re.size):
        cr, ci = re[i], im[i]
        mu[i] = np.inf
        distance[i] = 0.0
        q = (cr - 0.25) ** 2 + ci * ci
        if q * (q + (cr - 0.25)) <= 0.25 * ci * ci or (cr + 1.0) ** 2 + ci * ci <= 0.0625:
            continue
        zr = zi = dr = di = 0.0
        sr = si = 0.0
        period, next_save = 0, 8
        for n in range(1, limit + 1):
            dr, di = 2.0 * (zr * dr - zi * di) + 1.0, 2.0 * (zr * di + zi * dr)
            zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
            m = zr * zr + zi * zi
            if m > BAILOUT_SQUARED:
                log_z = 0.5 * math.log(m)
                mu[i] = n + 1 - math.log2(log_z / math.log(2.0))
                distance[i] = 2.0 * log_z * math.sqrt(m / (dr * dr + di * di))
                break
            if zr == sr and zi == si:
                break
            period += 1
            if period == next_save:
                sr, si, period, next_save = zr, zi, 0, next_save * 2
