"""Bursts of steps of z -> z^2 + c in plain doubles, and the bound of their rounding errors.

The bound. Let e bound the error of z. While |z| <= 2 a step rounds by at most `ROUNDING`, so

    e' = 2 |z| e + e^2 + ROUNDING <= 2 sqrt(|z|^2 + F) e + ROUNDING    for every F >= |z| e + e^2 / 4.

Unrolled, e_n is a sum of n terms; by the Cauchy-Schwarz inequality e_n^2 <= n E_n with

    E' = 4 (|z|^2 + F) E + ROUNDING^2,

which is one number a lane and no square root. F needs none either: it is a constant and a multiple of e^2, or
rather of n E, which together are large enough for every e, as a + b e^2 >= 2 sqrt(a b) e:

* in the opening, eight steps at most, e stays below 4.01^8 `ROUNDING` < 4e-11, and F is `OPENING_FLOOR`;
* in a walk, at each step, 2 e + e^2 / 4 <= `FLOOR` + `SLOPE` e^2, as `FLOOR` (`SLOPE` - 1/4) >= 1;
* in a sprint F is taken every four steps. If e was below `PRECISE` it is below 65 e + 1e-14 before the last
  of them, and 130 e + 65^2 e^2 / 4 + 1e-13 <= `SPRINT_FLOOR` + `SPRINT_SLOPE` e^2, as `SPRINT_FLOOR`
  (`SPRINT_SLOPE` - 65^2 / 4) > 65^2. If it was not, F is above 1 from there on, E grows at every step, and
  the sprint is found to have lost precision where it ends.

The squares in a sprint come from numbers that a step has anyway, by subtraction on units that would idle;
they are right to 1e-14, which the slack in the constants covers, as it covers the rounding of E itself.

Beyond |z| = 2 (where no orbit comes back from, and |c| <= |z|) a step rounds by at most 3.36 * 2^-53 |z|^2.
What e^2 adds to a relative error r of z there is a factor 1 + r, which `results` makes harmless: it trusts no
r above a thousandth.

`sprint` runs without a test, beside the state, and `sift` keeps the result or, of lanes that left |z| <= 2,
the state from before. `walk` takes each step with every test, and holds a lane still where it escapes, where
it reaches the limit, or where it loses precision.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from challenge.compiled.lanes import lane_kernel, sift_kernel
from challenge.compiled.vectors import Block, Carried, Lanes

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

# In halves of a last place of 1: 4 from zr^2 + cr, which is below 8, and 1 from each part of the new z, below
# 2; they add up to sqrt((4 + 1)^2 + 1^2). A little more, for the rounding of the bound.
ROUNDING: Final = 5.11 * 2.0**-53
FLOOR: Final = 1e-7
SLOPE: Final = 1.1e7
SPRINT_FLOOR: Final = 4e-6
SPRINT_SLOPE: Final = 1.1e9
OPENING_FLOOR: Final = 1e-9
# Of a step from |z| > 2, relative to |z|^4: (3.36 / 5.11)^2, as |c| <= |z| there.
FAR_ROUNDING: Final = 0.44
PRECISE: Final = 5e-5  # an error of z beyond which iterating on is pointless
NEAR: Final = 1e-5  # distance at which an orbit is suspected of a cycle


# See `leaps`.
Jump = Callable[[int, Lanes, list[Lanes]], list[Lanes]]


def derivative_step(x: Lanes, y: Lanes, dr: Lanes, di: Lanes) -> tuple[Lanes, Lanes]:
    """dz/dc -> 2 z dz/dc + 1, with x + iy = 2z."""
    return (-y).fma(di, x.fma(dr, 1.0)), x.fma(di, y * dr)


def near(block: Block, zr: Lanes, zi: Lanes) -> Lanes:
    """Who is back near its reference."""
    gap_r, gap_i = zr - block.load(REF_R), zi - block.load(REF_I)
    return gap_r * gap_r + gap_i * gap_i <= NEAR**2


def hold_back(block: Block, zr: Lanes, zi: Lanes, error: Lanes, after: Any) -> Lanes:
    """Who goes on after a sprint; who lost precision in it is marked, so as not to walk."""
    within = zr.fma(zr, zi * zi) <= 4.0
    precise = error * block.spread(after) <= PRECISE**2
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
            others = [squared.fma(others[0], ROUNDING**2 * 0.25 ** (step + 1))]
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
        jump: so many steps: (number, counts afterwards, values) -> zr, zi and E, and the values.
    """
    zr, zi = block.load(ZR), block.load(ZI)
    carried = Carried(block, [count, *values])
    with block.builder.if_then(block.any((zr.fma(zr, zi * zi) <= 4.0) & block.present())):
        for number in (16, 8, 4, 2):
            after = count + float(number)
            zr, zi, error, *ahead = jump(number, after, values)
            going = (zr.fma(zr, zi * zi) <= 4.0) & (error * after <= PRECISE**2) & (after <= limit)
            values = [going.where(new, old) for new, old in zip(ahead, values, strict=True)]
            count = going.where(after, count)
        carried([count, *values])
    count, *values = carried.values()
    return count, values


def _sprint(*, with_bound: bool = True, with_derivative: bool = False) -> Any:
    rows = [ZR, ZI] + [ERROR] * with_bound + [DR, DI] * with_derivative

    def steps(block: Block, turns: Any, after: Any) -> None:
        reach = block.spread(after) * SPRINT_SLOPE
        with block.repeat(turns, [block.load(row) for row in rows]) as (start, put):
            now = start
            for quarter in range(TURN // 4):
                slope = reach * 4.0 ** (4 * quarter) if with_bound else None
                now = block.apart(partial(_quarter, quarter, slope), now)
            if with_bound:
                now[2] *= 4.0**TURN
            put(now)
        for row, value in zip(rows, put.values(), strict=True):
            block.store(AHEAD_OF[row], value)

    return lane_kernel(steps, together=2 if with_derivative else 4 if with_bound else 6)


def _sift(*, with_derivative: bool = False) -> Any:
    """Sift a state that has sprinted to a count, the number."""

    def judge(block: Block, after: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error = (block.load(AHEAD_OF[row]) for row in (ZR, ZI, ERROR))
        return hold_back(block, zr, zi, error, after), near(block, zr, zi)

    ahead = [ZR, ZI, ERROR] + [DR, DI] * with_derivative
    plain = [CR, CI, INDEX]
    moves = {row: AHEAD_OF[row] for row in ahead} | {row: row for row in [*plain, REF_R, REF_I]}
    return sift_kernel(judge, moves, {row: row for row in [*ahead, *plain, COUNT]})


def holding(block: Block, squared: Lanes, error: Lanes, count: Lanes, last: Lanes) -> Lanes:
    """Who has neither escaped nor reached its last step nor lost precision."""
    precise = error * count <= squared.fma(block.constant(PRECISE**2), PRECISE**2)
    return (squared <= BAILOUT_SQUARED) & (count < last) & precise & block.present()


def bound_step(squared: Lanes, room: Lanes, error: Lanes, rounding: float) -> Lanes:
    """E of the next step, wherever z is; room is F."""
    far = squared.block.constant(FAR_ROUNDING * rounding**2)
    fresh = (squared * squared).fma(far, rounding**2)
    return (squared + room).fma(error * 4.0, fresh)


def _opening(*, with_derivative: bool = False) -> Any:
    """The first steps of lanes that stand at 0: `turns` of them, no more than a turn has."""

    def steps(block: Block, turns: Any, _number: Any) -> None:
        rows = [ZR, ZI, ERROR, COUNT] + [DR, DI] * with_derivative
        with block.repeat(turns, [block.load(row) for row in rows]) as (now, put):
            put(block.apart(step, now))
        for row, value in zip(rows, put.values(), strict=True):
            block.store(row, value)

    def step(block: Block, values: list[Lanes]) -> list[Lanes]:
        zr, zi, error, count, *derivative = values
        x = zr + zr
        squared = zr.fma(zr, zi * zi)
        going = squared <= BAILOUT_SQUARED
        after = [(-zi).fma(zi, zr.fma(zr, block.load(CR))), x.fma(zi, block.load(CI))]
        after += [bound_step(squared, block.constant(OPENING_FLOOR), error, ROUNDING), count + 1.0]
        if derivative:
            after += derivative_step(x, zi + zi, derivative[0], derivative[1])
        return [going.where(new, old) for new, old in zip(after, values, strict=True)]

    return lane_kernel(steps, together=4)


def _start(block: Block, limit: Any) -> tuple[Lanes, Lanes]:
    """Who goes on after the opening."""
    zr, zi, count = (block.load(row) for row in (ZR, ZI, COUNT))
    going = (zr.fma(zr, zi * zi) <= 4.0) & (count < block.spread(limit))
    return going, going & ~going


def _walk(*, with_derivative: bool = False) -> Any:
    rows = [ZR, ZI, ERROR, COUNT] + [DR, DI] * with_derivative

    def steps(block: Block, _turns: Any, limit: Any) -> None:
        def jump(number: int, after: Lanes, values: list[Lanes]) -> list[Lanes]:
            for _ in range(-(-number // 4)):
                steps = min(number, 4)
                values = _few_steps(0, steps, after * SPRINT_SLOPE, block, values)
                values[2] *= 4.0**steps
            return [*values[:3], *values]

        start = [block.load(row) for row in rows]
        carried = [*start[:3], *start[4:]]
        count, carried = leaps(block, start[3], carried, block.spread(limit), jump)
        last = last_of(block, count, limit)
        now = Carried(block, [*carried[:3], count, *carried[3:]])
        with block.until_none() as going_on:
            zr, zi, error, count, *derivative = values = now.values()
            x = zr + zr
            squared = zr.fma(zr, zi * zi)
            going = holding(block, squared, error, count, last)
            room = (error * count).fma(block.constant(SLOPE), FLOOR)
            after = [(-zi).fma(zi, zr.fma(zr, block.load(CR))), x.fma(zi, block.load(CI))]
            after += [bound_step(squared, room, error, ROUNDING), count + 1.0]
            if derivative:
                after += derivative_step(x, zi + zi, derivative[0], derivative[1])
            now([going.where(new, old) for new, old in zip(after, values, strict=True)])
            going_on(block.any(going))
        for row, value in zip(rows, now.values(), strict=True):
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
# (state, live, steps, 0) -> 0
open_up: Final = _opening()
open_up_with_derivative: Final = _opening(with_derivative=True)
# (state, live, ended, there, limit) -> (live, there, 0)
sift_start: Final = sift_kernel(
    _start, {row: row for row in range(AHEAD)}, {row: row for row in range(AHEAD)}
)
# (state, live, 0, limit) -> 0
walk: Final = _walk()
walk_with_derivative: Final = _walk(with_derivative=True)
