"""Bursts: some steps of z -> z^2 + c on 64 lanes, and the bound of their rounding errors.

The bound. Let e be a bound of the error of z. A step rounds by at most `ROUNDING` while |z| <= 2, so

    e' = 2 |z| e + e^2 + ROUNDING.

Unrolled, e_n is a sum of n terms, and by the Cauchy-Schwarz inequality e_n^2 <= n ROUNDING^2 E_n with

    E' = (4 |z|^2 + (10.1 n ROUNDING)^2 E) E + 1.01,

where the middle term stands for e^2: (a + b)^2 <= 1.01 a^2 + 101 b^2. That is one number a lane and no square
root. Beyond |z| = 2 the few steps to the escape add a relative error below 1e-13, far below what matters.

`sprint` runs without a test and goes back to where it came from if a lane escaped. It takes |z|^2 from
numbers that the step has anyway, by subtraction, on units that would idle: right to 1e-14, to which `FLOOR`
is added; and it leaves out the middle term, which is sound while e <= `SPRINT_ERROR`. `walk` does
everything at each step and holds a lane still where it escapes or reaches the limit. `crawl_2`, `_3`, `_4`
are walks where z is a sum of so many doubles.
"""

from functools import partial
from typing import Any, Final

from challenge.compiled.vectors import Block, Lanes, lane_kernel

STEPS: Final = 16
SPRINT_STEPS: Final = 32
BAILOUT_SQUARED: Final = 2.0**32

# Fields of a lane, rows of the state array.
ZR, ZI, CR, CI, ERROR, COUNT, DR, DI, REF_R, REF_I, NEXT, SHIFTED = range(12)
# Further parts of a z that is a sum of up to four doubles, the largest first: real and imaginary in turn.
PARTS: Final = 12
# Where a sprint's ZR, ZI, ERROR, DR and DI are until they are known to be good.
AHEAD: Final = 18
MU: Final = AHEAD
FIELDS: Final = AHEAD + 5

# In halves of a last place of 1: 4 from zr^2 + cr, which is below 8, and 1 from each part of the new z, below
# 2; they add up to sqrt((4 + 1)^2 + 1^2).
ROUNDING: Final = 5.1 * 2.0**-53
# By number of parts: of what a step loses below the last of them, and a little more.
CRAWL_ROUNDING: Final = {2: 2.0**-99, 3: 2.0**-149, 4: 2.0**-199}
SPRINT_ERROR: Final = 4e-11
FLOOR: Final = 1e-10
LOST: Final = 1e-2  # an error of z beyond which iterating on is pointless
NEAR: Final = 1e-5  # distance at which an orbit is suspected of a cycle


def _derivative(x: Lanes, y: Lanes, dr: Lanes, di: Lanes) -> tuple[Lanes, Lanes]:
    """dz/dc -> 2 z dz/dc + 1, with x + iy = 2z."""
    return (-y).fma(di, x.fma(dr, 1.0)), x.fma(di, y * dr)


def _carry_on(block: Block, zr: Lanes, zi: Lanes, count: Lanes, going: Lanes) -> tuple[Lanes, Lanes]:
    """Who leaves, and who else is back near its reference, which moves on as n doubles (Brent)."""
    gap_r, gap_i = zr - block.load(REF_R), zi - block.load(REF_I)
    near = (gap_r * gap_r + gap_i * gap_i <= NEAR**2) & going
    due = (block.load(NEXT) <= count) & ~near
    block.store(REF_R, due.where(zr, block.load(REF_R)))
    block.store(REF_I, due.where(zi, block.load(REF_I)))
    block.store(NEXT, due.where(count + count, block.load(NEXT)))
    return ~going, near


def _sprint_step(step: int, block: Block, values: list[Lanes]) -> list[Lanes]:
    zr, zi, error, *derivative = values
    x = zr + zr
    if derivative:
        derivative = list(_derivative(x, zi + zi, derivative[0], derivative[1]))
    t = zr.fma(zr, block.load(CR))
    new = (-zi).fma(zi, t)
    squared = (t - block.load(SHIFTED)) + (t - new)
    # The factor 4 of every step is made good at the end: here it would cost a multiplication.
    error = squared.fma(error, 1.01 * 0.25**step)
    return [new, x.fma(zi, block.load(CI)), error, *derivative]


def _sprint(with_derivative: bool) -> Any:
    fields = [ZR, ZI, ERROR, DR, DI] if with_derivative else [ZR, ZI, ERROR]

    def steps(block: Block, _limit: Any) -> None:
        now = [block.load(field) for field in fields]
        for step in range(1, SPRINT_STEPS + 1):
            now = block.apart(partial(_sprint_step, step), now)
        now[2] *= 4.0**SPRINT_STEPS
        for index, value in enumerate(now):
            block.store(AHEAD + index, value)

    def judge(block: Block, limit: Any) -> tuple[Lanes, Lanes]:
        ahead = [block.load(AHEAD + index) for index in range(len(fields))]
        zr, zi, error = ahead[:3]
        count = block.load(COUNT) + float(SPRINT_STEPS)
        within = (zr * zr + zi * zi) <= BAILOUT_SQUARED
        precise = error * count <= SPRINT_ERROR**2 / ROUNDING**2
        going = within & precise & ((count + float(SPRINT_STEPS)) <= block.spread(limit))
        for field, value in zip([*fields, COUNT], [*ahead, count], strict=True):
            block.store(field, going.where(value, block.load(field)))
        return _carry_on(block, zr, zi, count, going)

    return lane_kernel(steps, judge)


def _judge_walk(rounding: float) -> Any:
    def judge(block: Block, limit: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error, count = (block.load(field) for field in (ZR, ZI, ERROR, COUNT))
        going = ((zr * zr + zi * zi) <= BAILOUT_SQUARED) & (count < block.spread(limit))
        # An escaped z is large, and so is its error: only that of a z which stays is held against LOST.
        precise = error * count <= LOST**2 / rounding**2
        return _carry_on(block, zr, zi, count, going & precise)

    return judge


def _walk_step(middle: Lanes, last: Lanes, block: Block, values: list[Lanes]) -> list[Lanes]:
    zr, zi, error, count, *derivative = values
    x, y = zr + zr, zi + zi
    squared = x.fma(x, y * y)
    going = (squared <= 4.0 * BAILOUT_SQUARED) & (count < last)
    after = [(-zi).fma(zi, zr.fma(zr, block.load(CR))), x.fma(zi, block.load(CI))]
    after += [middle.fma(error, squared).fma(error, 1.01), count + 1.0]
    if derivative:
        after += _derivative(x, y, derivative[0], derivative[1])
    return [going.where(new, old) for new, old in zip(after, values, strict=True)]


def _walk(with_derivative: bool) -> Any:
    fields = [ZR, ZI, ERROR, COUNT] + ([DR, DI] if with_derivative else [])

    def steps(block: Block, limit: Any) -> None:
        last = block.spread(limit)
        start = [block.load(field) for field in fields]
        reach = (start[3] + float(STEPS)) * (10.1 * ROUNDING)
        middle = reach * reach
        with block.repeat(STEPS // 4, start) as (now, put):
            after = now
            for _ in range(4):
                after = _walk_step(middle, last, block, after)
            put(after)
        for field, value in zip(fields, put.values(), strict=True):
            block.store(field, value)

    return lane_kernel(steps, _judge_walk(ROUNDING), together=4)


def _two_sum(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """The sum and its rounding error, exactly (Knuth)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _gather(orders: list[list[Lanes]]) -> list[Lanes]:
    """The sum of terms as few parts: orders[k] are the terms of about 2^-53k of the largest.

    What rounds off a sum goes to the next order, and off the last is lost.
    """
    sums = []
    for order, terms in enumerate(orders):
        total = terms[0]
        for term in terms[1:]:
            if order + 1 < len(orders):
                total, rest = _two_sum(total, term)
                orders[order + 1].append(rest)
            else:
                total += term
        sums.append(total)
    # From the smallest up and down again, so that the parts overlap no more.
    for last in range(len(sums) - 1):
        for index in reversed(range(last, len(sums) - 1)):
            sums[index], sums[index + 1] = _two_sum(sums[index], sums[index + 1])
    return sums


def _product(orders: list[list[Lanes]], order: int, left: Lanes, right: Lanes) -> None:
    """Add left * right to its order, and what rounds off it to the next."""
    product = left * right
    orders[order].append(product)
    if order + 1 < len(orders):
        orders[order + 1].append(left.fma(right, -product))


def _square(orders: list[list[Lanes]], parts: list[Lanes], *, minus: bool = False) -> None:
    """Add the terms of the square of a sum of parts, or of its negative."""
    for i, left in enumerate(parts):
        factor = -left if minus else left
        twice = factor + factor
        for j in range(i, len(orders) - i):
            _product(orders, i + j, factor if i == j else twice, parts[j])


def _crawl(parts: int) -> Any:
    rounding = CRAWL_ROUNDING[parts]

    def steps(block: Block, limit: Any) -> None:
        fields_r = [ZR, *range(PARTS, PARTS + 2 * parts - 2, 2)]
        fields_i = [ZI, *range(PARTS + 1, PARTS + 2 * parts - 2, 2)]
        zr, zi = [block.load(field) for field in fields_r], [block.load(field) for field in fields_i]
        error, count, dr, di = (block.load(field) for field in (ERROR, COUNT, DR, DI))
        last = block.spread(limit)
        reach = (count + float(STEPS)) * (10.1 * rounding)
        middle = reach * reach
        with block.repeat(STEPS, [*zr, *zi, error, count, dr, di]) as (now, put):
            zr, zi, (error, count, dr, di) = now[:parts], now[parts : 2 * parts], now[2 * parts :]
            x, y = zr[0] + zr[0], zi[0] + zi[0]
            squared = x.fma(x, y * y)
            going = (squared <= 4.0 * BAILOUT_SQUARED) & (count < last)
            next_r, next_i = _derivative(x, y, dr, di)
            bound = middle.fma(error, squared).fma(error, 1.01)
            real: list[list[Lanes]] = [[] for _ in range(parts)]
            imaginary: list[list[Lanes]] = [[] for _ in range(parts)]
            _square(real, zr)
            _square(real, zi, minus=True)
            for i, left in enumerate([x] + [part + part for part in zr[1:]]):
                for j in range(parts - i):
                    _product(imaginary, i + j, left, zi[j])
            real[0].append(block.load(CR))
            imaginary[0].append(block.load(CI))
            after = [*_gather(real), *_gather(imaginary), bound, count + 1.0, next_r, next_i]
            put([going.where(new, old) for new, old in zip(after, now, strict=True)])
        fields = [*fields_r, *fields_i, ERROR, COUNT, DR, DI]
        for field, value in zip(fields, put.values(), strict=True):
            block.store(field, value)

    return lane_kernel(steps, _judge_walk(rounding), together=2 if parts == 2 else 1)


# (state, busy, limit) -> the lanes that leave, the lanes that may be in a cycle. One that leaves a sprint
# stands where the burst began; one that leaves a walk has escaped, is at the limit, or is lost.
sprint: Final = _sprint(with_derivative=False)
sprint_with_derivative: Final = _sprint(with_derivative=True)
walk: Final = _walk(with_derivative=False)
walk_with_derivative: Final = _walk(with_derivative=True)
crawl_2: Final = _crawl(2)
crawl_3: Final = _crawl(3)
crawl_4: Final = _crawl(4)
