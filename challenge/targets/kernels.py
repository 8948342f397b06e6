"""Compiled loops of the secret targets: one point at a time, for any map, with a bound of the error.

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
from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

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
SMALLEST: Final = 1e-300

DONE: Final = 0
DOUBTFUL: Final = 1

_PI_HIGH: Final = 3.141592653589793
_PI_LOW: Final = 1.2246467991473532e-16
_SPLIT: Final = 134217729.0  # 2^27 + 1


def _kernel(function: Callable[..., Any]) -> Any:
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


@_kernel
def _sine(x: float) -> float:
    """Sin x to about 1e-16 for |x| <= 100: our own, so that its bits depend on no library."""
    turns = np.rint(x / _PI_HIGH)
    r = (x - turns * _PI_HIGH) - turns * _PI_LOW
    s = r * r
    term = 0.0
    for k in range(10, 0, -1):
        term = s / (2.0 * k * (2.0 * k + 1.0)) * (1.0 - term)
    value = r * (1.0 - term)
    return value if int(turns) % 2 == 0 else -value


@_kernel
def _mixed(z: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_kernel
def _lattice(key: np.uint64, layer: int, axis: int, ix: int, iy: int) -> float:
    """A random number in [-1, 1) for a point of a lattice: a function of the key, and kept nowhere."""
    h = _mixed(key ^ np.uint64(2 * layer + axis + 1))
    h = _mixed(h ^ np.uint64(ix))
    h = _mixed(h ^ (np.uint64(iy) << np.uint64(32)))
    return np.float64(np.int64(h >> np.uint64(11))) * 2.0**-52 - 1.0


@_kernel
def _noise(x: float, y: float, key: np.uint64, axis: int, coarsest: int, heights: Array) -> float:
    """Sum over lattices, each twice as fine as the last, of random heights, smoothly interpolated."""
    total = 0.0
    for layer in range(len(heights)):
        per_unit = 2.0 ** (coarsest + layer)
        u, v = (x + 1.0) * per_unit, (y + 1.0) * per_unit
        last = int(2 * per_unit) - 1
        ix, iy = min(last, int(u)), min(last, int(v))
        u -= ix
        v -= iy
        s, t = u * u * u * (u * (6.0 * u - 15.0) + 10.0), v * v * v * (v * (6.0 * v - 15.0) + 10.0)
        low = _lattice(key, layer, axis, ix, iy)
        low += s * (_lattice(key, layer, axis, ix + 1, iy) - low)
        high = _lattice(key, layer, axis, ix, iy + 1)
        high += s * (_lattice(key, layer, axis, ix + 1, iy + 1) - high)
        total += heights[layer] * (low + t * (high - low))
    return total


@_kernel
def warp(
    unit: Array,
    waves: Array,
    phases: Array,
    amplitudes: Array,
    key: np.uint64,
    coarsest: int,
    heights: Array,
    out: Array,
) -> None:
    """Apply `Warp` and `Roughness` together, in a fixed order: the same bits anywhere."""
    for n in range(len(unit)):
        for axis in range(2):
            moved = 0.0
            for w in range(waves.shape[1]):
                angle = unit[n, 0] * waves[axis, w, 0] + unit[n, 1] * waves[axis, w, 1] + phases[axis, w]
                moved += amplitudes[axis, w] * _sine(angle)
            moved += _noise(unit[n, 0], unit[n, 1], key, axis, coarsest, heights)
            x = unit[n, axis]
            out[n, axis] = min(1.0, max(-1.0, x + (1.0 - x * x) * moved))


@_kernel
def _power(base: float, exponent: int) -> float:
    value = 1.0
    for _ in range(exponent):
        value *= base
    return value


@_kernel
def _grown(slope: float, error: float, size: float, degree: int, total: float, rounding: float) -> float:
    """The bound after a step; see the head of this module. `size` is |z|, `total` is A."""
    reach = max(1.0, size) + error
    power = total * _power(reach, degree - 2)
    bend = 0.5 * degree * (degree - 1) * power
    growth = slope + TINY * degree * power * reach + bend * error
    return growth * error + rounding * (degree - 1) * power * reach * reach


@_kernel
def _step(wr: float, wi: float, a: Array, cr: float, ci: float) -> tuple[float, float, float, float]:
    """f(w) + c and f'(w), both by Horner's rule."""
    pr, pi, qr, qi = wr, wi, 1.0, 0.0
    for k in range(len(a) - 1, -1, -1):
        qr, qi = qr * wr - qi * wi + pr, qr * wi + qi * wr + pi
        pr, pi = pr * wr - pi * wi + a[k, 0], pr * wi + pi * wr + a[k, 1]
    return pr + cr, pi + ci, qr, qi


@_kernel
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


@_kernel
def _count(squared: float, n: int, degree: int) -> float:
    """N + 1 - log_d(log2 |z|)."""
    return n + 1.0 - math.log(0.5 * math.log(squared) / math.log(2.0)) / math.log(float(degree))


@_kernel
def _trustworthy(squared: float, error: float, mu: float, degree: int) -> bool:
    """Whether an error of z moves the target by at most `ALLOWED`."""
    shift = error / (math.sqrt(squared) * 0.5 * math.log(squared) * math.log(float(degree)))
    m = max(mu, 0.0) + 50.0
    return 50.0 * shift <= ALLOWED * m * m


@_kernel
def _distance(zr: float, zi: float, ux: tuple[float, float], uy: tuple[float, float]) -> float:
    """2 |z| ln |z| / |grad |z||; ux and uy are the derivatives of z along x and y."""
    size = math.sqrt(zr * zr + zi * zi)
    scale = max(abs(ux[0]), abs(ux[1]), abs(uy[0]), abs(uy[1]))
    if not scale > 0.0:
        return FAR
    gx = (zr / size) * (ux[0] / scale) + (zi / size) * (ux[1] / scale)
    gy = (zr / size) * (uy[0] / scale) + (zi / size) * (uy[1] / scale)
    return max(SMALLEST, min(FAR, 2.0 * math.log(size) * (size / scale) / math.sqrt(gx * gx + gy * gy)))


@_kernel
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


@_kernel
def _two_sum(a: float, b: float) -> tuple[float, float]:
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


@_kernel
def _two_product(a: float, b: float) -> tuple[float, float]:
    p = a * b
    t = _SPLIT * a
    a1 = t - (t - a)
    a2 = a - a1
    t = _SPLIT * b
    b1 = t - (t - b)
    b2 = b - b1
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


@_kernel
def _plus(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    s, e = _two_sum(a[0], b[0])
    t, f = _two_sum(a[1], b[1])
    s, e = _two_sum(s, e + t)
    return _two_sum(s, e + f)


@_kernel
def _times(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    p, e = _two_product(a[0], b[0])
    return _two_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


@_kernel
def _minus(a: tuple[float, float]) -> tuple[float, float]:
    return -a[0], -a[1]


@_kernel
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
                zi, xi, yi = _minus(zi), -xi, -yi
            wr, wi = zr, zi
            _, _, qr, qi = _step(wr[0], wi[0], a, cr[0], ci[0])
            for k in range(degree - 2, -1, -1):
                real = _plus(_times(zr, wr), _minus(_times(zi, wi)))
                zi = _plus(_plus(_times(zr, wi), _times(zi, wr)), (a[k, 1], 0.0))
                zr = _plus(real, (a[k, 0], 0.0))
            zr, zi = _plus(zr, cr), _plus(zi, ci)
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
