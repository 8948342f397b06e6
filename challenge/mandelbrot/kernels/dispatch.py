"""Step functions by precision: doubles without and with the error bound, or a number of limbs.

Numba cannot call an element of a dictionary of functions, hence the branches.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.kernels import float64_steps
from challenge.mandelbrot.kernels.llvm_vectors import kernel
from challenge.mandelbrot.kernels.multiprecision_steps import CHECKED_STEPS, COMPACT, UNCHECKED_STEPS

Array = NDArray[np.float64]

DOUBLES_WITHOUT_BOUND: Final = 0
DOUBLES: Final = 1

plain_unchecked, bound_unchecked, full_unchecked = (
    float64_steps.unchecked_steps_without_bound,
    float64_steps.unchecked_steps,
    float64_steps.unchecked_steps_with_derivative,
)
unchecked_2, unchecked_3, unchecked_5, unchecked_8, unchecked_13, unchecked_20 = UNCHECKED_STEPS.values()
plain_compact, full_compact = float64_steps.compact, float64_steps.compact_with_derivative
compact_2, compact_3, compact_5, compact_8, compact_13, compact_20 = COMPACT.values()
plain_checked, full_checked = float64_steps.checked_steps, float64_steps.checked_steps_with_derivative
checked_2, checked_3, checked_5, checked_8, checked_13, checked_20 = CHECKED_STEPS.values()


@kernel
def unchecked_steps(
    precision: int, with_derivative: bool, state: Array, live: int, turns: int, after: float
) -> None:
    """Take `turns` turns of steps without tests, up to count `after`; results go to the rows `AHEAD`."""
    if precision <= DOUBLES:
        if with_derivative:
            full_unchecked(state, live, turns, after)
        elif precision == DOUBLES_WITHOUT_BOUND:
            plain_unchecked(state, live, turns, after)
        else:
            bound_unchecked(state, live, turns, after)
    elif precision == 2:
        unchecked_2(state, live, turns, after)
    elif precision == 3:
        unchecked_3(state, live, turns, after)
    elif precision == 5:
        unchecked_5(state, live, turns, after)
    elif precision == 8:
        unchecked_8(state, live, turns, after)
    elif precision == 13:
        unchecked_13(state, live, turns, after)
    else:
        unchecked_20(state, live, turns, after)


@kernel
def compact(
    precision: int, with_derivative: bool, state: Array, live: int, finished: Array, done: int, after: float
) -> Any:
    """Accept unchecked steps, or move lanes to `finished`; see `lanes.compaction_kernel`."""
    if precision <= DOUBLES:
        if with_derivative:
            return full_compact(state, live, finished, done, after)
        return plain_compact(state, live, finished, done, after)
    if precision == 2:
        return compact_2(state, live, finished, done, after)
    if precision == 3:
        return compact_3(state, live, finished, done, after)
    if precision == 5:
        return compact_5(state, live, finished, done, after)
    if precision == 8:
        return compact_8(state, live, finished, done, after)
    if precision == 13:
        return compact_13(state, live, finished, done, after)
    return compact_20(state, live, finished, done, after)


@kernel
def checked_steps(precision: int, with_derivative: bool, state: Array, live: int, limit: float) -> None:
    """Step each lane until it has escaped, has reached the limit or has lost precision."""
    if precision <= DOUBLES:
        if with_derivative:
            full_checked(state, live, 0, limit)
        else:
            plain_checked(state, live, 0, limit)
    elif precision == 2:
        checked_2(state, live, 0, limit)
    elif precision == 3:
        checked_3(state, live, 0, limit)
    elif precision == 5:
        checked_5(state, live, 0, limit)
    elif precision == 8:
        checked_8(state, live, 0, limit)
    elif precision == 13:
        checked_13(state, live, 0, limit)
    else:
        checked_20(state, live, 0, limit)
