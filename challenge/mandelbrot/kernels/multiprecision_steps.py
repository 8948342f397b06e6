"""Steps of z -> z^2 + c in hundreds of bits: z as a few doubles with fixed places, as an integer's limbs.

Limb j of a part of z is a multiple of 2^-24(j+1), at most half of 2^-24j; limb 0 is below 4 while it matters,
and the last has all the bits of a double. So limbs have 24 bits, and what they multiply to fits a double with
room for a sum: products of limbs i and j with i + j = o, multiples of 2^-24(o+2) and together below 16 *
2^-24o, are added up by fused multiply-adds without any rounding. Only the sums of the last place round. A
carry then runs from the last limb to the first: adding and subtracting 1.5 * 2^52 units of a limb rounds to a
whole number of them. No exponents, no comparisons, no error terms: from the second double on this is cheaper
than sums of doubles that may lie anywhere.

Of k limbs with U = 2^-24(k-1), while |z| <= 2: the last place's sum starts with c's limb, at most U / 2.
Products of order k are tiny, so adding them rounds by 2^-54 U each. Of order k - 1 those with z's first limbs
come to 2 sqrt(2) U, and k - 2 others to U / 2 each: the sum stays below (3.5 + (k - 2) / 2) U, and k or k + 1
additions round by half a last place of that. Products beyond order k, left out, are below (k - 2) / 2 * 2^-48
U. Both parts of z may have all of this: see `rounding`. Beyond |z| = 3.9 sums are not exact any more, and a
step adds a relative error near 2^-50, which cannot move a count by 1e-14.

The bound is e' = (2 |z| + e) e + rounding as it stands: the root hides among so many products. In two or
three limbs it does not, and repeat_unchecked bound their errors as `float64_steps` does.
"""

import math
from functools import partial
from itertools import chain
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from challenge.mandelbrot.kernels.float64_steps import (
    AHEAD,
    AHEAD_OF,
    CI,
    COUNT,
    CR,
    DI,
    DR,
    ERROR,
    FLOOR,
    INDEX,
    PRECISE,
    REF_I,
    REF_R,
    ROWS,
    SLOPE,
    TURN,
    ZI,
    ZR,
    approach_escape,
    derivative_step,
    last_of,
    may_continue,
    near,
    still_active,
    weights,
)
from challenge.mandelbrot.kernels.lanes import compaction_kernel, lane_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Carried, Lanes, kernel

BITS: Final = 24
# Numbers of limbs, each for what the one before could not settle.
LADDER: Final = (2, 3, 5, 8, 13, 20)
# Up to how many limbs the steps of two vectors alternate: a step is a long chain, whose links wait for each
# other.
_FEW: Final = 5
# Up to how many limbs unchecked steps bounds its errors without a root, as repeat_unchecked in doubles do.
_ROOTLESS: Final = 3
# An error of z beyond which iterating on is pointless; it may shrink again before z escapes.
PRECISE_IN_LIMBS: Final = 0.01
# |z| is taken from its first two limbs, to 2^-47, and everything here is rounded.
_SIZE_SLACK: Final = 1e-13

Array = NDArray[np.float64]


def rounding(limbs: int) -> float:
    """What a step rounds by, at most, from |z| <= 2."""
    largest = 3.5 + (limbs - 2) / 2
    half_place = 2.0 ** math.floor(math.log2(largest))
    part = (limbs + limbs % 2) * half_place + 0.5 * limbs + 1.0 + 16.0 * (limbs - 2)
    return 1.42 * part * 2.0 ** (-53 - BITS * (limbs - 1))


def rows(limbs: int) -> int:
    """Rows of a state: z's further limbs, real and imaginary in turn, then c's limbs, then z's ahead."""
    return _ahead(limbs) + 2 * limbs - 2


def _ahead(limbs: int) -> int:
    """Where unchecked steps put z's further limbs; the first are where they would be without limbs."""
    return ROWS + 4 * limbs - 2


def _carry(sums: list[Lanes]) -> list[Lanes]:
    """The limbs of a number from the sums of each order."""
    limbs = []
    below = sums[-1]
    for order in reversed(range(len(sums) - 1)):
        total = sums[order] + below
        magic = 1.5 * 2.0 ** (52 - BITS * (order + 1))
        whole = (total + magic) - magic
        limbs.append((sums[order] - whole) + below)
        below = whole
    return [below, *reversed(limbs)]


def next_limbs(
    zr: list[Lanes], zi: list[Lanes], cr: list[Lanes], ci: list[Lanes]
) -> tuple[list[Lanes], list[Lanes]]:
    """One step z -> z^2 + c: the limbs of both parts of z and c, to those of the new z."""
    count = len(zr)
    twice_r, twice_i = [limb + limb for limb in zr], [limb + limb for limb in zi]
    real: list[Lanes] = []
    imaginary: list[Lanes] = []
    for order in reversed(range(count)):
        sums = [cr[order], ci[order]]
        # The order below the last place has no place of its own, and comes first.
        for of in (count, order) if order == count - 1 else (order,):
            for i in range(max(0, of - count + 1), min(of, count - 1) + 1):
                j = of - i
                sums[1] = twice_r[i].fma(zi[j], sums[1])
                if i <= j:
                    sums[0] = (zr[i] if i == j else twice_r[i]).fma(zr[j], sums[0])
                    sums[0] = (-(zi[i] if i == j else twice_i[i])).fma(zi[j], sums[0])
        real.append(sums[0])
        imaginary.append(sums[1])
    return _carry(real[::-1]), _carry(imaginary[::-1])


def _fields(limbs: int, first: int, further: int) -> list[int]:
    """Rows of the limbs of z: the real ones, then the imaginary ones."""
    return [
        *(first, *range(further, further + 2 * limbs - 2, 2)),
        *(first + 1, *range(further + 1, further + 2 * limbs - 2, 2)),
    ]


def _constants(block: Block, limbs: int) -> tuple[list[Lanes], list[Lanes]]:
    first = ROWS + 2 * limbs - 2
    real, imaginary = range(first, first + 2 * limbs, 2), range(first + 1, first + 2 * limbs, 2)
    return [block.load(row) for row in real], [block.load(row) for row in imaginary]


def _step(limbs: int, reach: Lanes | None, block: Block, values: list[Lanes]) -> list[Lanes]:
    """One step with its bound: of e, or, given what 4 F is of E, of E as in `float64_steps`."""
    zr, zi, (error, dr, di) = values[:limbs], values[limbs : 2 * limbs], values[2 * limbs :]
    twice_r, twice_i = _twice(zr), _twice(zi)
    if reach is None:
        magnified = twice_r.fma(twice_r, twice_i * twice_i).root() + error + _SIZE_SLACK
        error = error.fma(magnified, rounding(limbs))
    else:
        room = error.fma(Lanes(block, reach.values[:1]), 4.0 * FLOOR)
        error = twice_r.fma(twice_r, twice_i.fma(twice_i, room)).fma(error, rounding(limbs) ** 2)
    return [
        *chain.from_iterable(next_limbs(zr, zi, *_constants(block, limbs))),
        error,
        *derivative_step(twice_r, twice_i, dr, di),
    ]


def _twice(limbs: list[Lanes]) -> Lanes:
    """As one double, twice a part of z; from twice its limbs, which a step has anyway."""
    return (limbs[0] + limbs[0]) + (limbs[1] + limbs[1])


def _unchecked_steps(limbs: int) -> Any:
    rows = [*_fields(limbs, ZR, ROWS), ERROR, DR, DI]
    ahead = [*_fields(limbs, AHEAD, _ahead(limbs)), *(AHEAD_OF[row] for row in (ERROR, DR, DI))]

    def steps(block: Block, turns: Any, after: Any) -> None:
        times = block.builder.mul(turns, ir.Constant(turns.type, TURN))
        start = [block.load(row) for row in rows]
        before, weight = weights(block, turns, after)
        reach = weight * (4.0 * SLOPE) if limbs <= _ROOTLESS else None
        start[2 * limbs] = start[2 * limbs] / before if reach else start[2 * limbs].root()
        with block.repeat(times, start) as (now, put):
            put(block.apart(partial(_step, limbs, reach), now))
        end = put.values()
        end[2 * limbs] *= weight if reach else end[2 * limbs]
        for row, value in zip(ahead, end, strict=True):
            block.store(row, value)

    return lane_kernel(steps, together=2 if limbs <= _FEW else 1)


def _compact(limbs: int) -> Any:
    """Compact a state whose unchecked steps have reached a count, the number."""
    precise = PRECISE if limbs <= _ROOTLESS else PRECISE_IN_LIMBS

    def judge(block: Block, _after: Any) -> tuple[Lanes, Lanes]:
        high_r, high_i, error = (block.load(AHEAD_OF[row]) for row in (ZR, ZI, ERROR))
        low = _ahead(limbs)
        zr, zi = high_r + block.load(low), high_i + block.load(low + 1)
        return still_active(block, zr, zi, error, precise), near(block, zr, zi)

    plain = [CR, CI, INDEX]
    further = range(ROWS, ROWS + 2 * limbs - 2)
    constants = [*plain, *range(ROWS + 2 * limbs - 2, ROWS + 4 * limbs - 2)]
    moves = AHEAD_OF | dict(zip(further, range(_ahead(limbs), rows(limbs)), strict=True))
    moves |= {row: row for row in [*constants, REF_R, REF_I]}
    leaves = {row: row for row in [*AHEAD_OF, *constants, *further, COUNT]}
    return compaction_kernel(judge, moves, leaves)


def _checked_steps(limbs: int) -> Any:
    fields = [*_fields(limbs, ZR, ROWS), ERROR, COUNT, DR, DI]

    def steps(block: Block, _turns: Any, limit: Any) -> None:
        def jump(number: int, values: list[Lanes]) -> list[Lanes]:
            with block.repeat(ir.Constant(ir.IntType(64), number), values) as (now, put):
                put(_step(limbs, None, block, now))
            end = put.values()
            error = end[2 * limbs]
            return [end[0] + end[1], end[limbs] + end[limbs + 1], error * error, *end]

        start = [block.load(field) for field in fields]
        carried = [*start[: 2 * limbs], start[2 * limbs].root(), *start[2 * limbs + 2 :]]
        count, carried = approach_escape(block, start[2 * limbs + 1], carried, block.spread(limit), jump)
        last = last_of(block, count, limit)
        now = Carried(block, [*carried[: 2 * limbs + 1], count, *carried[2 * limbs + 1 :]])
        with block.until_none() as going_on:
            values = now.values()
            zr, zi, (error, count, dr, di) = values[:limbs], values[limbs : 2 * limbs], values[2 * limbs :]
            twice_r, twice_i = _twice(zr), _twice(zi)
            squared = twice_r.fma(twice_r, twice_i * twice_i)
            going = may_continue(squared, error * error, count, last, precise=PRECISE_IN_LIMBS)
            magnified = squared.root() + error + _SIZE_SLACK
            # Of a step from |z| > 2 it grows with |z|^2.
            fresh = squared.fma(block.constant(0.25 * rounding(limbs)), rounding(limbs))
            next_r, next_i = next_limbs(zr, zi, *_constants(block, limbs))
            after = [*next_r, *next_i, error.fma(magnified, fresh), count + 1.0]
            after += derivative_step(twice_r, twice_i, dr, di)
            now([going.where(new, old) for new, old in zip(after, values, strict=True)])
            going_on(block.any(going))
        end = now.values()
        end[2 * limbs] *= end[2 * limbs]
        # What is measured is z as one double.
        for index in (0, limbs):
            end[index] += end[index + 1]
        for field, value in zip(fields, end, strict=True):
            block.store(field, value)

    return lane_kernel(steps, together=1)


# By number of limbs; as in `float64_steps`.
UNCHECKED_STEPS: Final = {limbs: _unchecked_steps(limbs) for limbs in LADDER}
COMPACT: Final = {limbs: _compact(limbs) for limbs in LADDER}
CHECKED_STEPS: Final = {limbs: _checked_steps(limbs) for limbs in LADDER}


@kernel
def split(c: float, limbs: int, row: int, lane: int, state: Array) -> None:
    """Write the limbs of a double: every second row from this one."""
    for index in range(limbs - 1):
        magic = 1.5 * 2.0 ** (52 - BITS * (index + 1))
        limb = (c + magic) - magic
        state[row + 2 * index, lane] = limb
        c -= limb
    state[row + 2 * limbs - 2, lane] = c
