"""The steps that all points of a view share: one polynomial of the offset from the view's centre.

All orbits of a small view stay close together for most of their steps. With z = Z + d and c = C + dc, where C
is the view's centre and Z its orbit, d' = (2 Z + d) d + dc, so d is a polynomial of dc. It is kept to the
degree `DEGREE`, in units of the view's radius r: d = sum of a_k s^k, s = dc / r, |s| <= 1. (Series
approximation: K. I. Martin, "Superfractalthing maths", 2013.)

    a_k' = 2 Z a_k + sum of a_i a_j over i + j = k, and r more for k = 1

The bound. Z is computed in `LIMBS` limbs. Let R bound |z - Z - sum a_k s^k| over the view, with the a_k and Z
as computed, so that R holds all errors: of truncation, of rounding, and of Z itself. With
m_k = |Re a_k| + |Im a_k| and M = sum of m_k, a step gives

    R' = (|2 Z| + 2 M + R) R + T + rho,   T = sum of m_i m_j over i + j > DEGREE,

where T is what truncation leaves out. Each part of a coefficient is a sum of at most DEGREE + 2 fused
multiply-adds; the terms of both parts together come to |2 Z|_1 m_k + sum of m_i m_j at most, in moduli.
Z counts as one rounded double in them, and Z's own step rounds by `rounding(LIMBS)`:

    rho = (DEGREE + 4) u (|2 Z|_1 M + M^2 + r) + rounding(LIMBS),   u = 2^-53.

Why this is precise: the rounding of a plain double is relative to z, and the steps up to here magnify it by
the view's whole depth; here it is relative to d, and reaches R times M at most. What follows magnifies R by
the view's width over the point's distance to the set, whatever the octave.

No point of the view has escaped while |Z| + M + R <= 2: beyond 2 and |c|, none comes back.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.kernels.lanes import SLACK, lane_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Carried, Lanes, kernel
from challenge.mandelbrot.kernels.multiprecision_steps import next_limbs, rounding, split

Array = NDArray[np.float64]

DEGREE: Final = 8
LIMBS: Final = 3
# The largest R: beyond, the bound of the steps that follow would doubt too many points.
LARGEST_REMAINDER: Final = 2.0**-46
# Steps between two tests.
STRIDE: Final = 4

# Rows of a state: one lane for each view.
C_LIMBS: Final = 0
RADIUS: Final = 2 * LIMBS
COUNT: Final = RADIUS + 1
REMAINDER: Final = RADIUS + 2
Z_LIMBS: Final = RADIUS + 3
COEFFICIENTS: Final = Z_LIMBS + 2 * LIMBS
ROWS: Final = COEFFICIENTS + 2 * DEGREE

_ROUNDING: Final = (DEGREE + 4) * 2.0**-53
_REFERENCE: Final = rounding(LIMBS)


def _as_double(limbs: list[Lanes]) -> Lanes:
    return limbs[0] + (limbs[1] + limbs[2])


def _orders(x: Lanes, y: Lanes, real: list[Lanes], imaginary: list[Lanes], order: int) -> tuple[Lanes, Lanes]:
    """The coefficient of s^order after a step, without what dc adds; x + iy = 2 Z."""
    a, b = real[order - 1], imaginary[order - 1]
    sum_r, sum_i = (-y).fma(b, x * a), x.fma(b, y * a)
    for i in range(1, order // 2 + 1):
        j = order - i
        p, q = (real[i - 1], imaginary[i - 1]) if i == j else (real[i - 1] * 2.0, imaginary[i - 1] * 2.0)
        sum_r = (-q).fma(imaginary[j - 1], p.fma(real[j - 1], sum_r))
        sum_i = p.fma(imaginary[j - 1], q.fma(real[j - 1], sum_i))
    return sum_r, sum_i


def _step(block: Block, values: list[Lanes]) -> list[Lanes]:
    """One step of the reference orbit, the coefficients and the remainder."""
    z, a, remainder = values[: 2 * LIMBS], values[2 * LIMBS : -1], values[-1]
    zr, zi, real, imaginary = z[:LIMBS], z[LIMBS:], a[:DEGREE], a[DEGREE:]
    half_r, half_i = _as_double(zr), _as_double(zi)
    x, y = half_r + half_r, half_i + half_i
    radius = block.load(RADIUS)
    sizes = [p.size() + q.size() for p, q in zip(real, imaginary, strict=True)]
    # The sums of m_j over j > DEGREE - i, for i = 1, 2, ...
    above = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        above.append(above[-1] + size)
    total = above[-1]
    truncated = sizes[0] * above[0]
    for size, sum_above in zip(sizes[1:], above[1:], strict=True):
        truncated = size.fma(sum_above, truncated)
    magnified = x.fma(x, y * y).root() + total * 2.0 + remainder
    terms = (x.size() + y.size() + total).fma(total, radius)
    fresh = terms.fma(block.constant(_ROUNDING), truncated + _REFERENCE)
    after = [_orders(x, y, real, imaginary, order) for order in range(1, DEGREE + 1)]
    next_r, next_i = next_limbs(
        zr,
        zi,
        [block.load(C_LIMBS + limb) for limb in range(LIMBS)],
        [block.load(C_LIMBS + LIMBS + limb) for limb in range(LIMBS)],
    )
    first_r, first_i = after[0]
    new_r, new_i = [first_r + radius, *(p for p, _ in after[1:])], [first_i, *(q for _, q in after[1:])]
    return [*next_r, *next_i, *new_r, *new_i, remainder.fma(magnified, fresh)]


def _bounded(values: list[Lanes]) -> Lanes:
    """Mask of the views in which no point has escaped and the remainder is small."""
    zr, zi, remainder = _as_double(values[:LIMBS]), _as_double(values[LIMBS : 2 * LIMBS]), values[-1]
    reach = remainder + zr.fma(zr, zi * zi).root()
    for part in values[2 * LIMBS : -1]:
        reach += part.size()
    return (reach <= 1.999) & (remainder <= LARGEST_REMAINDER)


def _follow() -> Any:
    rows = [*range(Z_LIMBS, Z_LIMBS + 2 * LIMBS), *range(COEFFICIENTS, ROWS), REMAINDER]

    def steps(block: Block, _turns: Any, limit: Any) -> None:
        last = block.spread(limit) - float(STRIDE)
        now = Carried(block, [*(block.load(row) for row in rows), block.load(COUNT)])
        with block.until_none() as going_on:
            *values, count = old = now.values()
            for _ in range(STRIDE):
                values = _step(block, values)
            going = _bounded(values) & (count <= last) & block.present()
            after = zip([*values, count + float(STRIDE)], old, strict=True)
            now([going.where(new, was) for new, was in after])
            going_on(block.any(going))
        for row, value in zip([*rows, COUNT], now.values(), strict=True):
            block.store(row, value)

    return lane_kernel(steps, together=1)


# (state, live, 0, limit) -> 0: take the steps that the points of each view share.
follow: Final = _follow()


@kernel
def shared_steps(centres: Array, radius: float, limit: float) -> Array:
    """The steps that the points of each view share, from 0.

    Args:
        centres: (views, 2) the views' centres, |c| <= 2.
        radius: of all views: no point is further from its centre.
        limit: of the steps.

    Returns:
        A state, (ROWS, views + SLACK): the count that is reached, and what describes all orbits there.
    """
    live = len(centres)
    state = np.zeros((ROWS, live + SLACK))
    limbs = np.zeros((2 * LIMBS, 1))
    for view in range(live):
        state[RADIUS, view] = radius
        for part in range(2):
            split(centres[view, part], LIMBS, part, 0, limbs)
            for limb in range(LIMBS):
                state[C_LIMBS + part * LIMBS + limb, view] = limbs[2 * limb + part, 0]
    follow(state, live, 0, limit)
    return state


# Rows of what `starts` writes for a point.
START_ZR, START_ZI, START_ERROR, START_DR, START_DI, START_COUNT = range(6)
STARTS: Final = 6
# Rounding of Horner's rule in d, relative to the sum of the m_k, and of z itself, relative to |z| <= 2.
_HORNER: Final = (4 * DEGREE + 8) * 2.0**-53
_LAST: Final = 4.0 * 2.0**-53


@kernel
def starts(points: Array, centre: Array, state: Array, view: int, out: Array) -> None:
    """Where the orbits of a view's points are after the shared steps.

    Args:
        points: (n, 2) points of the view.
        centre: (2,) its centre.
        state: from `shared_steps`.
        view: the view's lane in it.
        out: (n, STARTS) written: z, the square of a bound of its error, dz/dc, and the count.
    """
    radius = state[RADIUS, view]
    total = 0.0
    for row in range(COEFFICIENTS, ROWS):
        total += abs(state[row, view])
    error = (state[REMAINDER, view] + total * _HORNER + _LAST) * 1.001
    zr = state[Z_LIMBS, view] + (state[Z_LIMBS + 1, view] + state[Z_LIMBS + 2, view])
    zi = state[Z_LIMBS + 3, view] + (state[Z_LIMBS + 4, view] + state[Z_LIMBS + 5, view])
    n = len(points)
    sr, si = np.empty(n), np.empty(n)
    pr, pi, dr, di = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        sr[i] = (points[i, 0] - centre[0]) / radius
        si[i] = (points[i, 1] - centre[1]) / radius
    for order in range(DEGREE - 1, -1, -1):
        a, b = state[COEFFICIENTS + order, view], state[COEFFICIENTS + DEGREE + order, view]
        for i in range(n):
            # p is d / s, and d its derivative by s.
            x, y = dr[i] * sr[i] - di[i] * si[i] + pr[i], dr[i] * si[i] + di[i] * sr[i] + pi[i]
            dr[i], di[i] = x, y
            x, y = pr[i] * sr[i] - pi[i] * si[i] + a, pr[i] * si[i] + pi[i] * sr[i] + b
            pr[i], pi[i] = x, y
    for i in range(n):
        out[i, START_ZR] = pr[i] * sr[i] - pi[i] * si[i] + zr
        out[i, START_ZI] = pr[i] * si[i] + pi[i] * sr[i] + zi
        out[i, START_ERROR] = error * error
        out[i, START_DR] = (dr[i] * sr[i] - di[i] * si[i] + pr[i]) / radius
        out[i, START_DI] = (dr[i] * si[i] + di[i] * sr[i] + pi[i]) / radius
        out[i, START_COUNT] = state[COUNT, view]
