"""Compiled escape loops of the secret targets: one point at a time, any map, with a bound of the error.

A map is z -> f(w), where f is monic and centred, f(w) = w^d + a_(d-2) w^(d-2) + ... + a_0, and w is z or its
conjugate. In a parameter plane the point is added to f, in a dynamical plane the orbit starts at the point.

The bound. Let e be a bound of the error of z, R = max(1, |z|) and A = 1 + |a_0| + ... + |c|. Then with the
derivative f' a step gives

    e' = (|f'(w)| + TINY d A R^(d-1) + d (d - 1) / 2 A (R + e)^(d-2) e) e + rounding (d - 1) A R^d,

where the second term is the rounding of f' itself and the third stands for all higher orders. A complex
multiplication and addition round by at most 3.3 units of 2^-53 (or, with room to spare, 2^-97 for sums of two
doubles): that is `rounding`.
"""

# mypy: disable-error-code="no-untyped-call, no-any-return"
# Numba says that it is typed, and is not.

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.exact_orbits import SMALLEST
from challenge.targets.kernels import kernel
from challenge.targets.kernels.double_double import minus, plus, times

Array = NDArray[np.float64]
Flags = NDArray[np.uint8]

BAILOUT_SQUARED: Final = 2.0**32
ROUNDING: Final = 3.3 * 2.0**-53
ROUNDING_DOUBLED: Final = 2.0**-97
TINY: Final = 1e-14
# Share of the contract's 1e-9 that may be lost here; a recolouring stretches it by at most 1.25.
ALLOWED: Final = 7.9e-10
LOST: Final = 1e-2  # an error of z, in shares of R, beyond which iterating on is pointless
NEAR: Final = 1e-5  # distance at which an orbit is suspected of a cycle
FAR: Final = 1e9

DONE: Final = 0
DOUBTFUL: Final = 1


@kernel
def _power(base: float, exponent: int) -> float:
    value = 1.0
    for _ in range(exponent):
        value *= base
    return value


@kernel
def _grown(slope: float, error: float, size: float, degree: int, total: float, rounding: float) -> float:
    """The bound after a step; see the head of this module. `size` is |z|, `total` is A."""
    reach = max(1.0, size) + error
    power = total * _power(reach, degree - 2)
    bend = 0.5 * degree * (degree - 1) * power
    growth = slope + TINY * degree * power * reach + bend * error
    return growth * error + rounding * (degree - 1) * power * reach * reach


@kernel
def _step(wr: float, wi: float, a: Array, cr: float, ci: float) -> tuple[float, float, float, float]:
    """f(w) + c and f'(w), both by Horner's rule."""
    pr, pi, qr, qi = wr, wi, 1.0, 0.0
    for k in range(len(a) - 1, -1, -1):
        qr, qi = qr * wr - qi * wi + pr, qr * wi + qi * wr + pi
        pr, pi = pr * wr - pi * wi + a[k, 0], pr * wi + pi * wr + a[k, 1]
    return pr + cr, pi + ci, qr, qi


@kernel
def _attracted(
    conjugate: bool,
    a: Array,
    total: float,
    c: tuple[float, float],
    z: tuple[float, float],
    way: tuple[float, float, int],
) -> bool:
    """Whether the period-th iterate maps a disc around z, which the true orbit meets, into itself.

    Then the orbit stays bounded for ever. `way` is the gap after the period, the error of z, and the period.
    """
    gap, error, period = way
    degree = len(a) + 1
    zr, zi = z
    multiplier = 1.0
    for _ in range(period):
        zr, zi, qr, qi = _step(zr, -zi if conjugate else zi, a, c[0], c[1])
        multiplier *= math.sqrt(qr * qr + qi * qi)
    if not multiplier < 0.999:
        return False
    start = 2.0 * gap / (1.0 - multiplier) + 4.0 * error + 1e-10
    zr, zi = z
    radius = start
    for _ in range(period):
        size = math.sqrt(zr * zr + zi * zi)
        zr, zi, qr, qi = _step(zr, -zi if conjugate else zi, a, c[0], c[1])
        radius = _grown(math.sqrt(qr * qr + qi * qi), radius, size, degree, total, ROUNDING)
        if not radius < 1.0:
            return False
    back = math.sqrt((zr - z[0]) ** 2 + (zi - z[1]) ** 2)
    return back + radius < 0.999 * start


@kernel
def _count(squared: float, n: int, degree: int) -> float:
    """N + 1 - log_d(log2 |z|)."""
    return n + 1.0 - math.log(0.5 * math.log(squared) / math.log(2.0)) / math.log(float(degree))


@kernel
def _trustworthy(squared: float, error: float, mu: float, degree: int) -> bool:
    """Whether an error of z moves the target by at most `ALLOWED`."""
    shift = error / (math.sqrt(squared) * 0.5 * math.log(squared) * math.log(float(degree)))
    m = max(mu, 0.0) + 50.0
    return 50.0 * shift <= ALLOWED * m * m


@kernel
def _distance(zr: float, zi: float, ux: tuple[float, float], uy: tuple[float, float]) -> float:
    """2 |z| ln |z| / |grad |z||; ux and uy are the derivatives of z along x and y."""
    size = math.sqrt(zr * zr + zi * zi)
    scale = max(abs(ux[0]), abs(ux[1]), abs(uy[0]), abs(uy[1]))
    if not scale > 0.0:
        return FAR
    gx = (zr / size) * (ux[0] / scale) + (zi / size) * (ux[1] / scale)
    gy = (zr / size) * (uy[0] / scale) + (zi / size) * (uy[1] / scale)
    return max(SMALLEST, min(FAR, 2.0 * math.log(size) * (size / scale) / math.sqrt(gx * gx + gy * gy)))


@kernel
def escape(
    points: Array,
    conjugate: bool,
    a: Array,
    dynamical: bool,
    start: tuple[float, float],
    limit: int,
    mu: Array,
    distance: Array,
    state: Flags,
) -> None:
    """Counts and exterior distances of plane points (n, 2), in doubles.

    Args:
        points: (n, 2) plane points.
        conjugate: whether w is the conjugate of z.
        a: (d - 1, 2) the coefficients a_0 .. a_(d-2).
        dynamical: the orbit starts at the point, and nothing is added.
        start: where it starts otherwise.
        limit: iterations after which a point counts as inside.
        mu: (n,) written; +inf inside.
        distance: (n,) written; 0 inside.
        state: (n,) written; DOUBTFUL where doubles do not do.
    """
    degree = len(a) + 1
    for place in range(len(points)):
        zr, zi = start
        cr, ci = points[place]
        total = 1.0 + math.sqrt(cr * cr + ci * ci)
        added = 1.0
        if dynamical:
            zr, zi, cr, ci = cr, ci, 0.0, 0.0
            total, added = 1.0, 0.0
        for k in range(degree - 1):
            total += math.sqrt(a[k, 0] * a[k, 0] + a[k, 1] * a[k, 1])
        # Derivatives of z along x and y of the plane.
        xr, xi, yr, yi = 1.0 - added, 0.0, 0.0, 1.0 - added
        error = 0.0
        ref_r, ref_i, ref_n, due = FAR, FAR, 0, 16
        mu[place], distance[place], state[place] = np.inf, 0.0, DONE
        for n in range(1, limit + 1):
            size = math.sqrt(zr * zr + zi * zi)
            if conjugate:
                zi, xi, yi = -zi, -xi, -yi
            zr, zi, qr, qi = _step(zr, zi, a, cr, ci)
            xr, xi = qr * xr - qi * xi + added, qr * xi + qi * xr
            yr, yi = qr * yr - qi * yi, qr * yi + qi * yr + added
            error = _grown(math.sqrt(qr * qr + qi * qi), error, size, degree, total, ROUNDING)
            squared = zr * zr + zi * zi
            if squared > BAILOUT_SQUARED:
                mu[place] = _count(squared, n, degree)
                distance[place] = _distance(zr, zi, (xr, xi), (yr, yi))
                if not _trustworthy(squared, error, mu[place], degree):
                    state[place] = DOUBTFUL
                break
            if not error <= LOST * max(1.0, size):
                state[place] = DOUBTFUL
                break
            gap = (zr - ref_r) ** 2 + (zi - ref_i) ** 2
            if gap <= NEAR * NEAR:
                way = (math.sqrt(gap), error, n - ref_n)
                if _attracted(conjugate, a, total, (cr, ci), (zr, zi), way):
                    break
                ref_r = FAR
            if n == due:
                ref_r, ref_i, ref_n = zr, zi, n
                due = 2 * n


@kernel
def escape_doubled(
    points: Array,
    conjugate: bool,
    a: Array,
    dynamical: bool,
    start: tuple[float, float],
    limit: int,
    mu: Array,
    distance: Array,
    state: Flags,
) -> None:
    """As `escape`, with z a sum of two doubles: for the points that doubles leave in doubt."""
    degree = len(a) + 1
    for place in range(len(points)):
        zr, zi = (start[0], 0.0), (start[1], 0.0)
        cr, ci = (points[place, 0], 0.0), (points[place, 1], 0.0)
        total = 1.0 + math.sqrt(cr[0] * cr[0] + ci[0] * ci[0])
        added = 1.0
        if dynamical:
            zr, zi, cr, ci = cr, ci, (0.0, 0.0), (0.0, 0.0)
            total, added = 1.0, 0.0
        for k in range(degree - 1):
            total += math.sqrt(a[k, 0] * a[k, 0] + a[k, 1] * a[k, 1])
        xr, xi, yr, yi = 1.0 - added, 0.0, 0.0, 1.0 - added
        error = 0.0
        mu[place], distance[place], state[place] = np.inf, 0.0, DONE
        for n in range(1, limit + 1):
            size = math.sqrt(zr[0] * zr[0] + zi[0] * zi[0])
            if conjugate:
                zi, xi, yi = minus(zi), -xi, -yi
            wr, wi = zr, zi
            _, _, qr, qi = _step(wr[0], wi[0], a, cr[0], ci[0])
            for k in range(degree - 2, -1, -1):
                real = plus(times(zr, wr), minus(times(zi, wi)))
                zi = plus(plus(times(zr, wi), times(zi, wr)), (a[k, 1], 0.0))
                zr = plus(real, (a[k, 0], 0.0))
            zr, zi = plus(zr, cr), plus(zi, ci)
            xr, xi = qr * xr - qi * xi + added, qr * xi + qi * xr
            yr, yi = qr * yr - qi * yi, qr * yi + qi * yr + added
            error = _grown(math.sqrt(qr * qr + qi * qi), error, size, degree, total, ROUNDING_DOUBLED)
            squared = zr[0] * zr[0] + zi[0] * zi[0]
            if squared > BAILOUT_SQUARED:
                mu[place] = _count(squared, n, degree)
                distance[place] = _distance(zr[0], zi[0], (xr, xi), (yr, yi))
                if not _trustworthy(squared, error, mu[place], degree):
                    state[place] = DOUBTFUL
                break
            if not error <= LOST * max(1.0, size):
                state[place] = DOUBTFUL
                break
