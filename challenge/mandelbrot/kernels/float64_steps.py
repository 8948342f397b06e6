"""Bursts of steps of z -> z^2 + c in plain doubles, and the bound of their rounding errors.

The bound. Let e bound the error of z. With u = 2^-53, t = fma(zr, zr, cr) is rounded by at most u |t|, and
the new z by u |zr'| and u |zi'|, part by part. As t = zr' + zi^2, but for a rounding, the square of all this
is below

    u^2 ((2 |zr'| + zi^2)^2 + zi'^2) <= r^2 = 5 u^2 (|z'|^2 + |z|^4),

    e' = 2 |z| e + e^2 + r <= 2 sqrt(|z|^2 + F) e + r    for every F >= |z| e + e^2 / 4.

Unrolled, e_n is a sum of n terms. By the Cauchy-Schwarz inequality, with weights, of which a term has one
over that at its own time, e_n^2 <= W E_n with

    E' = 4 (|z|^2 + F) E + r^2,

which is one number a lane and no square root. The part of r^2 with |z'|^2 is added a step later, with that of
|z|^4: (5 * 4 + 5) u^2 |z|^4 together. Early roundings are magnified most, so later ones get the larger
weights: with N = 4 (n + 1), a sprint of m steps from count n starts with E = e^2 / N, where e^2 is what a
state keeps, and ends with e^2 = (m + N) E. (For all a, b and h: (a + b)^2 <= (1 + h) a^2 + (1 + 1/h) b^2;
here h = m / N, and b is the sum of m terms.)

F needs no root either: it is a constant and a multiple of e^2, which together are large enough for every e,
as a + b e^2 >= 2 sqrt(a b) e:

* in the opening, seven steps at most, e stays below 4.01^8 * 5.2 u < 4e-11, and F is `opening.FLOOR`;
* in a walk, at each step, 2 e + e^2 / 4 <= `FLOOR` + `SLOPE` e^2, as `FLOOR` (`SLOPE` - 1/4) >= 1;
* in a sprint F is taken every four steps. If e was below `PRECISE` it is below 65 e + 2e-14 before the last
  of them, and 130 e + 65^2 e^2 / 4 + 1e-13 <= `SPRINT_FLOOR` + `SPRINT_SLOPE` e^2, as `SPRINT_FLOOR`
  (`SPRINT_SLOPE` - 65^2 / 4) > 65^2. If it was not, F is above 1 from there on, E grows at every step, and
  the sprint is found to have lost precision where it ends.

The squares in a sprint come from numbers that a step has anyway, by subtraction on units that would idle;
they are right to 1e-14, which the slack in the constants covers, as it covers the rounding of E itself.

Beyond |z| = 2, where no orbit comes back from, what e^2 adds to a relative error of z is one more factor of
one and that error, which `results` makes harmless: it trusts none above a thousandth.

`sprint` runs without a test, beside the state, and `sift` keeps the result or, of lanes that left |z| <= 2,
the state from before. `walk` takes each step with every test, and holds a lane still where it escapes, where
it reaches the limit, or where it loses precision.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from challenge.mandelbrot.kernels.lanes import lane_kernel, sift_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Carried, Lanes

BAILOUT_SQUARED: Final = 2.0**32
# Steps of a turn of a sprint, and of the longest sprint.
TURN: Final = 8
LONGEST: Final = 32

# Rows of a state.
ZR, ZI, ERROR, CR, CI, INDEX, COUNT, REF_R, REF_I, DR, DI = range(11)
# Where a sprint puts ZR, ZI, ERROR, DR and DI until they are known to be good.
AHEAD: Final = 11
AHEAD_OF: Final = {ZR: AHEAD, ZI: AHEAD + 1, ERROR: AHEAD + 2, DR: AHEAD + 3, DI: AHEAD + 4}
ROWS: Final = AHEAD + 5

# Of the square of a step's rounding: of |z|^2 after it, and of |z|^4 before it. A little more than 5, for the
# rounding of the bound.
FRESH: Final = 5.01 * 2.0**-106
# What is added to E, of |z|^2 + F, before it is magnified by 4 (|z|^2 + F).
AGAIN: Final = 1.25 * FRESH
FLOOR: Final = 1e-7
SLOPE: Final = 1.1e7
SPRINT_FLOOR: Final = 4e-6
SPRINT_SLOPE: Final = 1.1e9
# How many times as long as an orbit has been it is to go on, as the weights of its roundings see it.
AHEAD_OF_US: Final = 4.0
# Of a walk: what E is of e^2 at its start, and the other way round at its end. It has no more than 96 steps.
WALK_SHARE: Final = 1 / 384
WALK_WEIGHT: Final = 480.0
PRECISE: Final = 5e-5  # an error of z beyond which iterating on is pointless
NEAR: Final = 1e-5  # distance at which an orbit is suspected of a cycle


# See `leaps`.
Jump = Callable[[int, list[Lanes]], list[Lanes]]


def derivative_step(x: Lanes, y: Lanes, dr: Lanes, di: Lanes) -> tuple[Lanes, Lanes]:
    """dz/dc -> 2 z dz/dc + 1, with x + iy = 2z."""
    return (-y).fma(di, x.fma(dr, 1.0)), x.fma(di, y * dr)


def near(block: Block, zr: Lanes, zi: Lanes) -> Lanes:
    """Who is back near its reference."""
    gap_r, gap_i = zr - block.load(REF_R), zi - block.load(REF_I)
    return gap_r * gap_r + gap_i * gap_i <= NEAR**2


def hold_back(block: Block, zr: Lanes, zi: Lanes, error: Lanes, allowed: float = PRECISE) -> Lanes:
    """Who goes on after a sprint; who lost precision in it is marked, so as not to walk."""
    within = zr.fma(zr, zi * zi) <= 4.0
    precise = error <= allowed**2
    block.store(ERROR, (within & ~precise).where(math.inf, block.load(ERROR)))
    return within & precise


def _few_steps(
    first: int, number: int, reach: Lanes | None, block: Block, values: list[Lanes]
) -> list[Lanes]:
    """Some steps of a turn, from its first; the factor 4 of every E is made good at the end of the turn."""
    zr, zi, *others = values
    cr, ci = block.load(CR), block.load(CI)
    if reach is not None:
        shifted = cr - others[0].fma(reach, SPRINT_FLOOR)
    for step in range(first, first + number):
        x = zr + zr
        derivative = derivative_step(x, zi + zi, others[-2], others[-1]) if len(others) > 1 else ()
        t = zr.fma(zr, cr)
        new = (-zi).fma(zi, t)
        if reach is not None:
            squared = (t - shifted) + (t - new)
            others = [squared * squared.fma(block.constant(AGAIN * 0.25**step), others[0])]
        others = [*others[:1], *derivative]
        zr, zi = new, x.fma(zi, ci)
    return [zr, zi, *others]


def _quarter(quarter: int, reach: Lanes | None, block: Block, values: list[Lanes]) -> list[Lanes]:
    """Four steps of one vector of a sprint."""
    if reach is not None:
        reach = Lanes(block, reach.values[:1])
    return _few_steps(4 * quarter, 4, reach, block, values)


def leaps(
    block: Block, count: Lanes, values: list[Lanes], limit: Lanes, jump: Jump
) -> tuple[Lanes, list[Lanes]]:
    """Take lanes that left |z| <= 2 in a sprint nearly to where they did: ever fewer steps without a test.

    Args:
        block: the lanes.
        count: their counts.
        values: what else they carry.
        limit: of the count.
        jump: so many steps: (number, values) -> zr, zi and the square of the error, and the values.
    """
    zr, zi = block.load(ZR), block.load(ZI)
    carried = Carried(block, [count, *values])
    with block.builder.if_then(block.any((zr.fma(zr, zi * zi) <= 4.0) & block.present())):
        for number in (16, 8, 4, 2):
            after = count + float(number)
            zr, zi, error, *ahead = jump(number, values)
            going = (zr.fma(zr, zi * zi) <= 4.0) & (error <= PRECISE**2) & (after <= limit)
            values = [going.where(new, old) for new, old in zip(ahead, values, strict=True)]
            count = going.where(after, count)
        carried([count, *values])
    count, *values = carried.values()
    return count, values


def weights(block: Block, turns: Any, after: Any) -> tuple[Lanes, Lanes]:
    """What e^2 is of E where a sprint begins, and where it ends."""
    length = block.spread(block.builder.sitofp(turns, after.type)) * float(TURN)
    before = (block.spread(after) - length + 1.0) * AHEAD_OF_US
    return before, length + before


def _sprint(*, with_bound: bool = True, with_derivative: bool = False) -> Any:
    rows = [ZR, ZI] + [ERROR] * with_bound + [DR, DI] * with_derivative

    def steps(block: Block, turns: Any, after: Any) -> None:
        before, weight = weights(block, turns, after)
        reach = weight * SPRINT_SLOPE
        begin = [block.load(row) for row in rows]
        if with_bound:
            begin[2] /= before
        with block.repeat(turns, begin) as (start, put):
            now = start
            for quarter in range(TURN // 4):
                slope = reach * 4.0 ** (4 * quarter) if with_bound else None
                now = block.apart(partial(_quarter, quarter, slope), now)
            if with_bound:
                now[2] *= 4.0**TURN
            put(now)
        end = put.values()
        if with_bound:
            end[2] = whole(end[0], end[1], end[2]) * weight
        for row, value in zip(rows, end, strict=True):
            block.store(AHEAD_OF[row], value)

    return lane_kernel(steps, together=2 if with_derivative else 4 if with_bound else 6)


def _sift(*, with_derivative: bool = False) -> Any:
    """Sift a state that has sprinted to a count, the number."""

    def judge(block: Block, _after: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error = (block.load(AHEAD_OF[row]) for row in (ZR, ZI, ERROR))
        return hold_back(block, zr, zi, error), near(block, zr, zi)

    ahead = [ZR, ZI, ERROR] + [DR, DI] * with_derivative
    plain = [CR, CI, INDEX]
    moves = {row: AHEAD_OF[row] for row in ahead} | {row: row for row in [*plain, REF_R, REF_I]}
    return sift_kernel(judge, moves, {row: row for row in [*ahead, *plain, COUNT]})


def holding(length: Lanes, error: Lanes, count: Lanes, last: Lanes, *, precise: float = PRECISE) -> Lanes:
    """Who has neither escaped nor reached its last step nor lost precision.

    Of |2z|^2 and the square of the error.
    """
    block = length.block
    good = error <= length.fma(block.constant(0.25 * precise**2), precise**2)
    return (length <= 4.0 * BAILOUT_SQUARED) & (count < last) & good & block.present()


def bound_step(length: Lanes, room: Lanes | float, error: Lanes) -> Lanes:
    """E without the last rounding, of the next step; length is |2z|^2, and room 4 F."""
    enough = length + room
    return enough * enough.fma(length.block.constant(0.25 * AGAIN), error)


def whole(zr: Lanes, zi: Lanes, error: Lanes) -> Lanes:
    """E with the last rounding."""
    return zr.fma(zr, zi * zi).fma(zr.block.constant(FRESH), error)


def _walk(*, with_derivative: bool = False) -> Any:
    rows = [ZR, ZI, ERROR, COUNT] + [DR, DI] * with_derivative

    def steps(block: Block, _turns: Any, limit: Any) -> None:
        reach = block.constant(WALK_WEIGHT * SPRINT_SLOPE)

        def jump(number: int, values: list[Lanes]) -> list[Lanes]:
            for _ in range(-(-number // 4)):
                steps = min(number, 4)
                values = _few_steps(0, steps, reach, block, values)
                values[2] *= 4.0**steps
            return [*values[:2], values[2] * WALK_WEIGHT, *values]

        start = [block.load(row) for row in rows]
        start[2] *= WALK_SHARE
        carried = [*start[:3], *start[4:]]
        count, carried = leaps(block, start[3], carried, block.spread(limit), jump)
        last = last_of(block, count, limit)
        now = Carried(block, [*carried[:3], count, *carried[3:]])
        with block.until_none() as going_on:
            zr, zi, error, count, *derivative = values = now.values()
            x, y = zr + zr, zi + zi
            length = x.fma(x, y * y)
            going = holding(length, error * WALK_WEIGHT, count, last)
            room = error.fma(block.constant(4.0 * WALK_WEIGHT * SLOPE), 4.0 * FLOOR)
            after = [(-zi).fma(zi, zr.fma(zr, block.load(CR))), x.fma(zi, block.load(CI))]
            after += [bound_step(length, room, error), count + 1.0]
            if derivative:
                after += derivative_step(x, y, derivative[0], derivative[1])
            now([going.where(new, old) for new, old in zip(after, values, strict=True)])
            going_on(block.any(going))
        end = now.values()
        end[2] = whole(*end[:3]) * WALK_WEIGHT
        for row, value in zip(rows, end, strict=True):
            block.store(row, value)

    return lane_kernel(steps, together=2)


def last_of(block: Block, count: Lanes, limit: Any) -> Lanes:
    """Where a walk ends in any case: at the limit, or after more steps than a sprint and an escape take."""
    soon, end = count + float(LONGEST + 32), block.spread(limit)
    return (soon < end).where(soon, end)


# (state, live, turns, count afterwards) -> 0
sprint: Final = _sprint()
sprint_with_derivative: Final = _sprint(with_derivative=True)
sprint_without_bound: Final = _sprint(with_bound=False)
# (state, live, ended, there, count afterwards) -> (live, there, whether somebody is back near its reference)
sift: Final = _sift()
sift_with_derivative: Final = _sift(with_derivative=True)
# (state, live, 0, limit) -> 0
walk: Final = _walk()
walk_with_derivative: Final = _walk(with_derivative=True)
