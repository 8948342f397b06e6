"""The first steps of a batch of points, together: most of the plane has escaped after them."""

from typing import Any, Final

from challenge.mandelbrot.kernels.float64_steps import (
    BAILOUT_SQUARED,
    CI,
    COUNT,
    CR,
    DI,
    DR,
    ERROR,
    INDEX,
    ZI,
    ZR,
    bound_step,
    derivative_step,
    whole,
)
from challenge.mandelbrot.kernels.lanes import compaction_kernel, lane_kernel
from challenge.mandelbrot.kernels.llvm_vectors import Block, Lanes
from challenge.mandelbrot.kernels.results import OUTCOME, SETTLED

# See `float64_steps`: what e^2 is of E, and F.
WEIGHT: Final = 8.0
FLOOR: Final = 1e-9


def _steps(*, with_derivative: bool) -> Any:
    """From z = c so many steps as turns says, less than a turn has; each lane until it escapes."""

    def steps(block: Block, turns: Any, _number: Any) -> None:
        rows = [ZR, ZI, ERROR, COUNT] + [DR, DI] * with_derivative
        zero, one = block.constant(0.0), block.constant(1.0)
        start = [block.load(CR), block.load(CI), zero, one] + [one, zero] * with_derivative
        with block.repeat(turns, start) as (now, put):
            put(block.apart(step, now))
        end = put.values()
        end[2] = whole(*end[:3]) * WEIGHT
        for row, value in zip(rows, end, strict=True):
            block.store(row, value)

    def step(block: Block, values: list[Lanes]) -> list[Lanes]:
        zr, zi, error, count, *derivative = values
        x, y = zr + zr, zi + zi
        length = x.fma(x, y * y)
        going = length <= 4.0 * BAILOUT_SQUARED
        after = [(-zi).fma(zi, zr.fma(zr, block.load(CR))), x.fma(zi, block.load(CI))]
        after += [bound_step(length, 4.0 * FLOOR, error), count + 1.0]
        if derivative:
            after += derivative_step(x, y, derivative[0], derivative[1])
        return [going.where(new, old) for new, old in zip(after, values, strict=True)]

    return lane_kernel(steps, together=4)


def _compact(*, with_derivative: bool) -> Any:
    rows = [ZR, ZI, ERROR, CR, CI, INDEX] + [DR, DI] * with_derivative

    def judge(block: Block, limit: Any) -> tuple[Lanes, ...]:
        zr, zi, count = (block.load(row) for row in (ZR, ZI, COUNT))
        going = (zr.fma(zr, zi * zi) <= 4.0) & (count < block.spread(limit))
        return going, going & ~going, ~going & (block.load(OUTCOME) < SETTLED)

    return compaction_kernel(judge, {row: row for row in rows}, {row: row for row in [*rows, COUNT]})


# (state, live, steps, 0) -> 0
take_first_steps: Final = _steps(with_derivative=False)
take_first_steps_with_derivative: Final = _steps(with_derivative=True)
# (state, live, finished, done, limit) -> (live, done, 0): of a batch that is opened and measured; who is
# settled goes nowhere.
compact_started: Final = _compact(with_derivative=False)
compact_started_with_derivative: Final = _compact(with_derivative=True)
