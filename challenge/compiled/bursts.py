"""Bursts: sixteen steps of z -> z^2 + c on 64 lanes, and the bound of their rounding errors.

The bound. Let e be a bound of the error of z. A step rounds by at most `ROUNDING` while |z| <= 2, so

    e' = 2 |z| e + e^2 + ROUNDING.

Unrolled, e_n is a sum of n terms, and by the Cauchy-Schwarz inequality e_n^2 <= 2 n ROUNDING^2 E_n with

    E' = (4 |z|^2 + (2 n ROUNDING)^2 E) E + 1,

where the middle term stands for e^2. That is one number a lane and no square root. Beyond |z| = 2 the few steps
to the escape add a relative error below 1e-13, far below what matters.

`sprint` runs without a test and goes back to where it came from if a lane escaped. It takes |z|^2 from numbers that
the step has anyway, by subtraction, on units that would idle: right to 1e-14, to which `FLOOR` is
added; and it leaves out the middle term, which is sound while e <= `SPRINT_ERROR`. `walk` does everything at each step and
holds a lane still where it escapes or reaches the limit. `crawl` is a walk in double-double.
"""

from typing import Any, Final

from challenge.compiled.vectors import Block, Lanes, lane_kernel

STEPS: Final = 16
BAILOUT_SQUARED: Final = 2.0**32

# Fields of a lane, rows of the state array. LOW_R and LOW_I are the lower halves of a double-double z.
ZR, ZI, CR, CI, ERROR, COUNT, DR, DI, REF_R, REF_I, NEXT, SHIFTED, LOW_R, LOW_I = range(14)
FIELDS: Final = 14

ROUNDING: Final = 8.25 * 2.0**-53
DOUBLED_ROUNDING: Final = 2.0**-97
SPRINT_ERROR: Final = 4e-11
FLOOR: Final = 1e-10
LOST: Final = 1e-2  # an error of z beyond which iterating on is pointless
NEAR: Final = 1e-5  # distance at which an orbit is suspected of a cycle


def _derivative(x: Lanes, y: Lanes, dr: Lanes, di: Lanes) -> tuple[Lanes, Lanes]:
    """dz/dc -> 2 z dz/dc + 1, with x + iy = 2z."""
    return (-y).fma(di, x.fma(dr, 1.0)), x.fma(di, y * dr)


def _sprint(with_derivative: bool) -> Any:
    def body(block: Block, limit: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error = block.load(ZR), block.load(ZI), block.load(ERROR)
        dr, di = (block.load(DR), block.load(DI)) if with_derivative else (zr, zi)
        for step in range(1, STEPS + 1):
            x = zr + zr
            if with_derivative:
                dr, di = _derivative(x, zi + zi, dr, di)
            t = zr.fma(zr, block.load(CR))
            new = (-zi).fma(zi, t)
            squared = (t - block.load(SHIFTED)) + (t - new)
            # The factor 4 of every step is made good at the end: here it would cost a multiplication.
            error = squared.fma(error, 0.25**step)
            zi = x.fma(zi, block.load(CI))
            zr = new
        error *= 4.0**STEPS
        count = block.load(COUNT) + float(STEPS)
        within = (zr * zr + zi * zi) <= BAILOUT_SQUARED
        precise = error * count <= SPRINT_ERROR**2 / (2.0 * ROUNDING**2)
        going = within & precise & ((count + float(STEPS)) <= block.spread(limit))
        ahead = [(ZR, zr), (ZI, zi), (ERROR, error), (COUNT, count)]
        for field, value in ahead + ([(DR, dr), (DI, di)] if with_derivative else []):
            block.store(field, going.where(value, block.load(field)))
        gap_r, gap_i = zr - block.load(REF_R), zi - block.load(REF_I)
        near = (gap_r * gap_r + gap_i * gap_i <= NEAR**2) & going
        due = (block.load(NEXT) <= count) & ~near
        block.store(REF_R, due.where(zr, block.load(REF_R)))
        block.store(REF_I, due.where(zi, block.load(REF_I)))
        block.store(NEXT, due.where(count + count, block.load(NEXT)))
        return ~going, near

    return lane_kernel(body)


def _walk(with_derivative: bool) -> Any:
    def body(block: Block, limit: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error, count = (block.load(field) for field in (ZR, ZI, ERROR, COUNT))
        dr, di = (block.load(DR), block.load(DI)) if with_derivative else (zr, zi)
        last = block.spread(limit)
        reach = (count + float(STEPS)) * (2.0 * ROUNDING)
        middle = reach * reach
        for _ in range(STEPS):
            x, y = zr + zr, zi + zi
            squared = x.fma(x, y * y)
            going = (squared <= 4.0 * BAILOUT_SQUARED) & (count < last)
            if with_derivative:
                next_r, next_i = _derivative(x, y, dr, di)
                dr, di = going.where(next_r, dr), going.where(next_i, di)
            error = going.where(middle.fma(error, squared).fma(error, 1.0), error)
            new = (-zi).fma(zi, zr.fma(zr, block.load(CR)))
            zi = going.where(x.fma(zi, block.load(CI)), zi)
            zr = going.where(new, zr)
            count = going.where(count + 1.0, count)
        stored = [(ZR, zr), (ZI, zi), (ERROR, error), (COUNT, count)]
        for field, value in stored + ([(DR, dr), (DI, di)] if with_derivative else []):
            block.store(field, value)
        going = ((zr * zr + zi * zi) <= BAILOUT_SQUARED) & (count < last)
        # An escaped z is large, and so is its error: only that of a z which stays is held against LOST.
        precise = error * count <= LOST**2 / (2.0 * ROUNDING**2)
        return ~(going & precise), ~(going & precise)

    return lane_kernel(body, together=4)


def _two_sum(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """a + b and its rounding error, exactly (Knuth)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _crawl() -> Any:
    def body(block: Block, limit: Any) -> tuple[Lanes, Lanes]:
        zr, zi, error, count = (block.load(field) for field in (ZR, ZI, ERROR, COUNT))
        dr, di, low_r, low_i = (block.load(field) for field in (DR, DI, LOW_R, LOW_I))
        last = block.spread(limit)
        reach = (count + float(STEPS)) * (2.0 * DOUBLED_ROUNDING)
        middle = reach * reach
        for _ in range(STEPS):
            x, y = zr + zr, zi + zi
            squared = x.fma(x, y * y)
            going = (squared <= 4.0 * BAILOUT_SQUARED) & (count < last)
            next_r, next_i = _derivative(x, y, dr, di)
            dr, di = going.where(next_r, dr), going.where(next_i, di)
            error = going.where(middle.fma(error, squared).fma(error, 1.0), error)
            rr, ii, ri = zr * zr, zi * zi, x * zi
            rest_rr = x.fma(low_r, zr.fma(zr, -rr))
            rest_ii = y.fma(low_i, zi.fma(zi, -ii))
            rest_ri = x.fma(low_i, y.fma(low_r, x.fma(zi, -ri)))
            high, first = _two_sum(rr, -ii)
            high, second = _two_sum(high, block.load(CR))
            low = (first + second) + (rest_rr - rest_ii)
            new_r = high + low
            new_low_r = low - (new_r - high)
            high, second = _two_sum(ri, block.load(CI))
            low = second + rest_ri
            new_i = high + low
            new_low_i = low - (new_i - high)
            zr, low_r = going.where(new_r, zr), going.where(new_low_r, low_r)
            zi, low_i = going.where(new_i, zi), going.where(new_low_i, low_i)
            count = going.where(count + 1.0, count)
        stored = [(ZR, zr), (ZI, zi), (ERROR, error), (COUNT, count)]
        for field, value in [*stored, (DR, dr), (DI, di), (LOW_R, low_r), (LOW_I, low_i)]:
            block.store(field, value)
        going = ((zr * zr + zi * zi) <= BAILOUT_SQUARED) & (count < last)
        precise = error * count <= LOST**2 / (2.0 * DOUBLED_ROUNDING**2)
        return ~(going & precise), ~(going & precise)

    return lane_kernel(body, together=2)


# (state, limit) -> the lanes that left (they stand where the burst began), the lanes that may be in a cycle.
sprint: Final = _sprint(with_derivative=False)
sprint_with_derivative: Final = _sprint(with_derivative=True)
# (state, limit) -> the lanes that are done: escaped, at the limit, or lost; twice.
walk: Final = _walk(with_derivative=False)
walk_with_derivative: Final = _walk(with_derivative=True)
crawl: Final = _crawl()
