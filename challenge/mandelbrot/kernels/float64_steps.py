"""Steps of z -> z^2 + c in plain doubles, and the bound of their rounding errors.

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
weights: with N = 4 (n + 1), m unchecked steps from count n start with E = e^2 / N, where e^2 is what a state
keeps, and end with e^2 = (m + N) E. (For all a, b and h: (a + b)^2 <= (1 + h) a^2 + (1 + 1/h) b^2; here
h = m / N, and b is the sum of m terms.)

F needs no root either: it is a constant and a multiple of e^2, which together are large enough for every e,
as a + b e^2 >= 2 sqrt(a b) e:

* in the first steps, seven at most, e stays below 4.01^8 * 5.2 u < 4e-11, and F is `first_steps.FLOOR`;
* in checked steps, at each step, 2 e + e^2 / 4 <= `FLOOR` + `SLOPE` e^2, as `FLOOR` (`SLOPE` - 1/4) >= 1;
* in unchecked steps F is taken every four steps. If e was below `PRECISE` it is below 65 e + 2e-14 before
  the last of them, and 130 e + 65^2 e^2 / 4 + 1e-13 <= `UNCHECKED_FLOOR` + `UNCHECKED_SLOPE` e^2, as
  `UNCHECKED_FLOOR` (`UNCHECKED_SLOPE` - 65^2 / 4) > 65^2. If it was not, F is above 1 from there on, E grows
  at every step, and the loss of precision is found at the end of the unchecked steps.

The squares in unchecked steps come from numbers that a step has anyway, by subtraction on units that would
idle; they are right to 1e-14, which the slack in the constants covers, as it covers the rounding of E itself.

Beyond |z| = 2, where no orbit comes back from, what e^2 adds to a relative error of z is one more factor of
one and that error, which `results` makes harmless: it trusts none above a thousandth.

`unchecked_steps` runs without a test and writes its results beside the state; `compact` accepts them or, for
lanes that left |z| <= 2, keeps the state from before. `checked_steps` makes every test at each step, and
stops a lane where it escapes, reaches the limit, or loses precision.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from challenge.mandelbrot.kernels.lanes import compaction_kernel, lane_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Carried, Lanes

BAILOUT_SQUARED: Final = 2.0**32
# Unchecked steps in a turn, and in the longest run.
TURN: Final = 8
LONGEST: Final = 32

# Rows of a state.
ZR, ZI, ERROR, CR, CI, INDEX, COUNT, REF_R, REF_I, DR, DI = range(11)
# Where unchecked steps put ZR, ZI, ERROR, DR and DI until they are known to be good.
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
UNCHECKED_FLOOR: Final = 4e-6
UNCHECKED_SLOPE: Final = 1.1e9
# The weights of the roundings assume that an orbit goes on for so many times its present length.
EXPECTED_REMAINING: Final = 4.0
# Checked steps: E / e^2 at their start, e^2 / E at their end. There are no more than 96 of them.
CHECKED_SHARE: Final = 1 / 384
CHECKED_WEIGHT: Final = 480.0
PRECISE: Final = 5e-5  # an error of z beyond which iterating on is pointless
NEAR: Final = 1e-5  # distance at which an orbit is suspected of a cycle


# See `approach_escape`.
Jump = Callable[[int, list[Lanes]], list[Lanes]]


def derivative_step(x: Lanes, y: Lanes, dr: Lanes, di: Lanes) -> tuple[Lanes, Lanes]:
    """dz/dc -> 2 z dz/dc + 1, with x + iy = 2z."""
    return (-y).fma(di, x.fma(dr, 1.0)), x.fma(di, y * dr)


def near(block: Block, zr: Lanes, zi: Lanes) -> Lanes:
    """Mask of the lanes that have returned near their reference."""
    gap_r, gap_i = zr - block.load(REF_R), zi - block.load(REF_I)
    return gap_r * gap_r + gap_i * gap_i <= NEAR**2


def still_active(block: Block, zr: Lanes, zi: Lanes, error: Lanes, allowed: float = PRECISE) -> Lanes:
    """Mask of the lanes that go on after unchecked steps; an imprecise lane gets an infinite error."""
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
        shifted = cr - others[0].fma(reach, UNCHECKED_FLOOR)
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
    """Four steps of one vector of unchecked steps."""
    if reach is not None:
        reach = Lanes(block, reach.values[:1])
    return _few_steps(4 * quarter, 4, reach, block, values)


def approach_escape(
    block: Block, count: Lanes, values: list[Lanes], limit: Lanes, jump: Jump
) -> tuple[Lanes, list[Lanes]]:
    """Take lanes that left |z| <= 2 in unchecked steps close to where they did, in jumps of 16, 8, 4, 2.

    Args:
        block: the lanes.
        count: of their steps.
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
    """What e^2 is of E where unchecked steps begins, and where it ends."""
    length = block.spread(block.builder.sitofp(turns, after.type)) * float(TURN)
    before = (block.spread(after) - length + 1.0) * EXPECTED_REMAINING
    return before, length + before


def _unchecked_steps(*, with_bound: bool = True, with_derivative: bool = False) -> Any:
    rows = [ZR, ZI] + [ERROR] * with_bound + [DR, DI] * with_derivative

    def steps(block: Block, turns: Any, after: Any) -> None:
        before, weight = weights(block, turns, after)
        reach = weight * UNCHECKED_SLOPE
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


def _compact(*, with_derivative: bool = False) -> Any:
    """Compact a state whose unchecked steps have reached a count, the number."""

    def judge(block: Block, _after: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error = (block.load(AHEAD_OF[row]) for row in (ZR, ZI, ERROR))
        return still_active(block, zr, zi, error), near(block, zr, zi)

    ahead = [ZR, ZI, ERROR] + [DR, DI] * with_derivative
    plain = [CR, CI, INDEX]
    moves = {row: AHEAD_OF[row] for row in ahead} | {row: row for row in [*plain, REF_R, REF_I]}
    return compaction_kernel(judge, moves, {row: row for row in [*ahead, *plain, COUNT]})


def may_continue(
    length: Lanes, error: Lanes, count: Lanes, last: Lanes, *, precise: float = PRECISE
) -> Lanes:
    """Mask of the lanes that have not escaped, reached their last step or lost precision.

    length is |2z|^2, and error the square of the error.
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


def _checked_steps(*, with_derivative: bool = False) -> Any:
    rows = [ZR, ZI, ERROR, COUNT] + [DR, DI] * with_derivative

    def steps(block: Block, _turns: Any, limit: Any) -> None:
        reach = block.constant(CHECKED_WEIGHT * UNCHECKED_SLOPE)

        def jump(number: int, values: list[Lanes]) -> list[Lanes]:
            for _ in range(-(-number // 4)):
                steps = min(number, 4)
                values = _few_steps(0, steps, reach, block, values)
                values[2] *= 4.0**steps
            return [*values[:2], values[2] * CHECKED_WEIGHT, *values]

        start = [block.load(row) for row in rows]
        start[2] *= CHECKED_SHARE
        carried = [*start[:3], *start[4:]]
        count, carried = approach_escape(block, start[3], carried, block.spread(limit), jump)
        last = last_of(block, count, limit)
        now = Carried(block, [*carried[:3], count, *carried[3:]])
        with block.until_none() as going_on:
            zr, zi, error, count, *derivative = values = now.values()
            x, y = zr + zr, zi + zi
            length = x.fma(x, y * y)
            going = may_continue(length, error * CHECKED_WEIGHT, count, last)
            room = error.fma(block.constant(4.0 * CHECKED_WEIGHT * SLOPE), 4.0 * FLOOR)
            after = [(-zi).fma(zi, zr.fma(zr, block.load(CR))), x.fma(zi, block.load(CI))]
            after += [bound_step(length, room, error), count + 1.0]
            if derivative:
                after += derivative_step(x, y, derivative[0], derivative[1])
            now([going.where(new, old) for new, old in zip(after, values, strict=True)])
            going_on(block.any(going))
        end = now.values()
        end[2] = whole(*end[:3]) * CHECKED_WEIGHT
        for row, value in zip(rows, end, strict=True):
            block.store(row, value)

    return lane_kernel(steps, together=2)


def last_of(block: Block, count: Lanes, limit: Any) -> Lanes:
    """Where checked steps end in any case: at the limit, or past a run of unchecked steps and an escape."""
    soon, end = count + float(LONGEST + 32), block.spread(limit)
    return (soon < end).where(soon, end)


# (state, live, turns, count afterwards) -> 0
unchecked_steps: Final = _unchecked_steps()
unchecked_steps_with_derivative: Final = _unchecked_steps(with_derivative=True)
unchecked_steps_without_bound: Final = _unchecked_steps(with_bound=False)
# (state, live, ended, there, count afterwards) -> (live, there, whether a lane is near its reference)
compact: Final = _compact()
compact_with_derivative: Final = _compact(with_derivative=True)
# (state, live, 0, limit) -> 0
checked_steps: Final = _checked_steps()
checked_steps_with_derivative: Final = _checked_steps(with_derivative=True)
