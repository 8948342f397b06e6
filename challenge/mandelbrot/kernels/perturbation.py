"""Orbits as small differences from one reference orbit, for windows far below what float64 can address.

With z = Z + d and c = C + dc, d' = (2 Z + d) d + dc: float64 carries d and dc, whose size it does not mind,
and only Z needs precision. Where z comes closer to 0 than d is large, the orbit is *rebased*: it goes on as a
difference from the beginning of the reference (Zhuoran, "Another solution to perturbation glitches").
While d is so small that d^2 is lost anyway, many steps are one linear map d' = A d + B dc; those of 1, 2, 4,
... steps are kept in a table with the size of d up to which each holds (bilinear approximation, by the same
author).
"""

import math

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.kernels.float64_steps import BAILOUT_SQUARED
from challenge.mandelbrot.kernels.llvm_vectors import kernel
from challenge.mandelbrot.kernels.logarithm import smooth

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Places = NDArray[np.int64]

# d^2 may be left out where it is smaller than this part of 2 Z d.
NEGLIGIBLE = 2.0**-46


@kernel
def tabulate(
    orbit: Complex, reach: float, slope: Complex, offset: Complex, valid: Array, starts: Places
) -> None:
    """Fill the table of linear maps.

    Args:
        orbit: (m,) the reference, orbit[0] = 0.
        reach: the largest |dc| of the picture.
        slope: (table,) written with A, level after level: entry j of a level begins at
            orbit[1 + j * 2^level].
        offset: (table,) written with B.
        valid: (table,) written with the largest |d| at which the map holds.
        starts: (levels + 1,) where each level begins in the table, and where the last one ends.
    """
    for j in range(starts[1]):
        z = orbit[1 + j]
        slope[j] = 2.0 * z
        offset[j] = 1.0
        valid[j] = NEGLIGIBLE * 2.0 * abs(z)
    for level in range(1, len(starts) - 1):
        below = starts[level - 1]
        for j in range(starts[level + 1] - starts[level]):
            x, y, both = below + 2 * j, below + 2 * j + 1, starts[level] + j
            slope[both] = slope[y] * slope[x]
            offset[both] = slope[y] * offset[x] + offset[y]
            room = valid[y] - abs(offset[x]) * reach
            steep = abs(slope[x])
            valid[both] = max(0.0, min(valid[x], room / steep if steep > 0.0 else room))


@kernel
def follow(
    orbit: Complex,
    slope: Complex,
    offset: Complex,
    valid: Array,
    starts: Places,
    differences: Complex,
    limit: int,
    mu: Array,
) -> None:
    """Smooth counts of the points C + differences, (n,), into mu (n,); inf for those that do not escape."""
    last = len(orbit) - 1
    levels = len(starts) - 1
    for point in range(len(differences)):
        dc = differences[point]
        d = dc * 0.0
        m = n = 0
        mu[point] = np.inf
        while n < limit:
            size = max(abs(d.real), abs(d.imag)) * math.sqrt(2.0)
            best = -1
            if m > 0:
                j = m - 1
                level = 0
                while (
                    level < levels
                    and starts[level] + j < starts[level + 1]
                    and size < valid[starts[level] + j]
                    and n + (1 << level) <= limit
                ):
                    best = starts[level] + j
                    steps = 1 << level
                    if j & 1:
                        break
                    j >>= 1
                    level += 1
            if best >= 0:
                d = slope[best] * d + offset[best] * dc
                m += steps
                n += steps
            else:
                d = (2.0 * orbit[m] + d) * d + dc
                m += 1
                n += 1
            z = orbit[m] + d
            squared = z.real * z.real + z.imag * z.imag
            if squared > BAILOUT_SQUARED:
                mu[point] = smooth(squared, float(n))
                break
            if m == last or squared < d.real * d.real + d.imag * d.imag:
                d = z
                m = 0
