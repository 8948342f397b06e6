"""The ways to take a step, by number: in doubles without and with the bound, and in so many limbs."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.kernels import float64_steps
from challenge.mandelbrot.kernels.llvm_vectors import kernel
from challenge.mandelbrot.kernels.multiprecision_steps import SIFTS, SPRINTS, WALKS

Array = NDArray[np.float64]

WITHOUT_BOUND: Final = 0
IN_DOUBLES: Final = 1

plain_sprint, bound_sprint, full_sprint = (
    float64_steps.sprint_without_bound,
    float64_steps.sprint,
    float64_steps.sprint_with_derivative,
)
sprint_2, sprint_3, sprint_5, sprint_8, sprint_13, sprint_20 = SPRINTS.values()
plain_sift, full_sift = float64_steps.sift, float64_steps.sift_with_derivative
sift_2, sift_3, sift_5, sift_8, sift_13, sift_20 = SIFTS.values()
plain_walk, full_walk = float64_steps.walk, float64_steps.walk_with_derivative
walk_2, walk_3, walk_5, walk_8, walk_13, walk_20 = WALKS.values()


@kernel
def sprint(way: int, with_derivative: bool, state: Array, live: int, turns: int, after: float) -> None:
    """So many turns, to a count; the results stand beside the state."""
    if way <= IN_DOUBLES:
        if with_derivative:
            full_sprint(state, live, turns, after)
        elif way == WITHOUT_BOUND:
            plain_sprint(state, live, turns, after)
        else:
            bound_sprint(state, live, turns, after)
    elif way == 2:
        sprint_2(state, live, turns, after)
    elif way == 3:
        sprint_3(state, live, turns, after)
    elif way == 5:
        sprint_5(state, live, turns, after)
    elif way == 8:
        sprint_8(state, live, turns, after)
    elif way == 13:
        sprint_13(state, live, turns, after)
    else:
        sprint_20(state, live, turns, after)


@kernel
def sift(
    way: int, with_derivative: bool, state: Array, live: int, ended: Array, there: int, after: float
) -> Any:
    """Take over the results of a sprint, or append lanes to ended; see `lanes.sift_kernel`."""
    if way <= IN_DOUBLES:
        if with_derivative:
            return full_sift(state, live, ended, there, after)
        return plain_sift(state, live, ended, there, after)
    if way == 2:
        return sift_2(state, live, ended, there, after)
    if way == 3:
        return sift_3(state, live, ended, there, after)
    if way == 5:
        return sift_5(state, live, ended, there, after)
    if way == 8:
        return sift_8(state, live, ended, there, after)
    if way == 13:
        return sift_13(state, live, ended, there, after)
    return sift_20(state, live, ended, there, after)


@kernel
def walk(way: int, with_derivative: bool, state: Array, live: int, limit: float) -> None:
    """Step by step, each lane until it has escaped, is at the limit or imprecise."""
    if way <= IN_DOUBLES:
        if with_derivative:
            full_walk(state, live, 0, limit)
        else:
            plain_walk(state, live, 0, limit)
    elif way == 2:
        walk_2(state, live, 0, limit)
    elif way == 3:
        walk_3(state, live, 0, limit)
    elif way == 5:
        walk_5(state, live, 0, limit)
    elif way == 8:
        walk_8(state, live, 0, limit)
    elif way == 13:
        walk_13(state, live, 0, limit)
    else:
        walk_20(state, live, 0, limit)
