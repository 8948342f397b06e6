"""The story of a chunk of points.

Every point walks sixteen steps; most of the plane has escaped by then. Those that are not known to be inside
sprint, and are replaced in their lane when they leave it: to be proved inside, or to walk their last steps.
Points whose error bound is too large for the contract crawl from the beginning in double-double. What is lost
even then is returned: the caller has integers of any length.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.compiled.bursts import (
    BAILOUT_SQUARED,
    CI,
    COUNT,
    CR,
    DI,
    DOUBLED_ROUNDING,
    DR,
    ERROR,
    FIELDS,
    FLOOR,
    LOST,
    LOW_I,
    LOW_R,
    NEXT,
    REF_I,
    REF_R,
    ROUNDING,
    SHIFTED,
    STEPS,
    ZI,
    ZR,
    crawl,
    sprint,
    sprint_with_derivative,
    walk,
    walk_with_derivative,
)
from challenge.compiled.interior import attracted, known_inside
from challenge.compiled.logarithm import exterior_distance, smooth, trustworthy
from challenge.compiled.vectors import LANES, kernel, lowest_bit

Array = NDArray[np.float64]
Indices = NDArray[np.int32]

# What a point keeps between bursts: a row of the chunk's array, and one cache line; a prefix of the lane's fields.
KEPT: Final = 8
ONE: Final = np.uint64(1)
NOBODY: Final = np.uint64(0)
EVERYBODY: Final = np.uint64(2**64 - 1)
FAR: Final = 1e9
SETTLED: Final = -1.0  # the count of a point that is proved inside


@kernel
def begin(points: Array, limit: float, with_derivative: bool, kept: Array, waiting: Indices) -> int:
    """Walk every point from 0; returns how many are neither done nor known to be inside, listed in waiting."""
    state = np.zeros((FIELDS, LANES))
    total = 0
    for first in range(0, len(points), LANES):
        busy = min(LANES, len(points) - first)
        state[:KEPT] = 0.0
        for lane in range(busy):
            state[CR, lane] = points[first + lane, 0]
            state[CI, lane] = points[first + lane, 1]
        if with_derivative:
            walk_with_derivative(state, limit)
        else:
            walk(state, limit)
        for lane in range(busy):
            for field in range(KEPT):
                kept[first + lane, field] = state[field, lane]
            if state[ZR, lane] * state[ZR, lane] + state[ZI, lane] * state[ZI, lane] <= BAILOUT_SQUARED:
                if known_inside(state[CR, lane], state[CI, lane]):
                    kept[first + lane, COUNT] = SETTLED
                else:
                    waiting[total] = first + lane
                    total += 1
    return total


@kernel
def _enter(state: Array, lane: int, kept: Array, point: int) -> None:
    for field in range(KEPT):
        state[field, lane] = kept[point, field]
    state[SHIFTED, lane] = state[CR, lane] - FLOOR
    state[REF_R, lane] = state[ZR, lane]
    state[REF_I, lane] = state[ZI, lane]
    state[NEXT, lane] = 2.0 * state[COUNT, lane]


@kernel
def run(limit: float, with_derivative: bool, kept: Array, waiting: Indices, total: int) -> int:
    """Sprint the points that wait until they are proved inside or have to walk; those are then listed in waiting."""
    state = np.zeros((FIELDS, LANES))
    owner = np.empty(LANES, np.int32)
    taken = left = 0
    busy = NOBODY
    for lane in range(min(LANES, total)):
        owner[lane] = waiting[taken]
        _enter(state, lane, kept, waiting[taken])
        taken += 1
        busy |= ONE << np.uint64(lane)
    while busy:
        if with_derivative:
            leaving, near = sprint_with_derivative(state, limit)
        else:
            leaving, near = sprint(state, limit)
        leaving &= busy
        near &= busy
        while near:
            lane = lowest_bit(near)
            near &= near - ONE
            gap_r, gap_i = state[ZR, lane] - state[REF_R, lane], state[ZI, lane] - state[REF_I, lane]
            steps = int(state[COUNT, lane] - 0.5 * state[NEXT, lane])
            gap = np.sqrt(gap_r * gap_r + gap_i * gap_i)
            if attracted(state[CR, lane], state[CI, lane], state[ZR, lane], state[ZI, lane], gap, steps):
                state[COUNT, lane] = SETTLED
                leaving |= ONE << np.uint64(lane)
            else:
                # Not yet: ask again after the next reference, when the orbit has come closer to its cycle.
                state[REF_R, lane] = FAR
        while leaving:
            lane = lowest_bit(leaving)
            leaving &= leaving - ONE
            point = owner[lane]
            for field in range(KEPT):
                kept[point, field] = state[field, lane]
            if state[COUNT, lane] != SETTLED:
                # The list is read further on than it is written.
                waiting[left] = point
                left += 1
            if taken < total:
                owner[lane] = waiting[taken]
                _enter(state, lane, kept, waiting[taken])
                taken += 1
            else:
                busy &= ~(ONE << np.uint64(lane))
    return left


@kernel
def finish(
    limit: float, with_derivative: bool, doubled: bool, kept: Array, waiting: Indices, total: int
) -> None:
    """Walk (or crawl from 0) the points that wait to their end."""
    state = np.zeros((FIELDS, LANES))
    owner = np.empty(LANES, np.int32)
    taken = 0
    busy = NOBODY
    leaving = EVERYBODY
    while True:
        while leaving:
            lane = lowest_bit(leaving)
            leaving &= leaving - ONE
            bit = ONE << np.uint64(lane)
            if busy & bit:
                for field in range(KEPT):
                    kept[owner[lane], field] = state[field, lane]
                busy &= ~bit
            if taken < total:
                point = waiting[taken]
                taken += 1
                owner[lane] = point
                busy |= bit
                for field in range(KEPT):
                    state[field, lane] = kept[point, field]
                if doubled:
                    for field in (ZR, ZI, LOW_R, LOW_I, DR, DI, ERROR, COUNT):
                        state[field, lane] = 0.0
        if not busy:
            return
        if doubled:
            leaving, _ = crawl(state, limit)
        elif with_derivative:
            leaving, _ = walk_with_derivative(state, limit)
        else:
            leaving, _ = walk(state, limit)
        leaving &= busy


@kernel
def settle(kept: Array, point: int, limit: float, rounding: float, mu: Array, distance: Array) -> bool:
    """Write a finished point's results; False if they are not precise enough."""
    count, error = kept[point, COUNT], kept[point, ERROR]
    if count == SETTLED:
        mu[point] = np.inf
        if distance.size:
            distance[point] = 0.0
        return True
    squared = kept[point, ZR] * kept[point, ZR] + kept[point, ZI] * kept[point, ZI]
    if not squared > BAILOUT_SQUARED:
        mu[point] = np.inf
        if distance.size:
            distance[point] = 0.0
        return count >= limit and 2.0 * count * error * rounding * rounding <= LOST * LOST
    value = smooth(squared, count)
    mu[point] = value
    if distance.size:
        distance[point] = exterior_distance(squared, kept[point, DR], kept[point, DI])
    return trustworthy(squared, count, value, error, rounding)


@kernel
def escape(points: Array, limit: float, mu: Array, distance: Array, lost: Indices) -> int:
    """Escape counts and, if distance is not empty, distances of one chunk of points.

    Args:
        points: (n, 2) plane points, finite, |re| and |im| at most 1e100.
        limit: iterations after which a point counts as inside.
        mu: (n,) the smooth counts, written; +inf inside.
        distance: (n,) the exterior distances, written, 0 inside; or (0,).
        lost: (n,) written with the points that need more than double-double.

    Returns:
        How many points are lost.
    """
    with_derivative = distance.size > 0
    kept = np.empty((len(points), KEPT))
    waiting = np.empty(len(points), np.int32)
    total = begin(points, limit, with_derivative, kept, waiting)
    if limit >= 3 * STEPS:
        total = run(limit, with_derivative, kept, waiting, total)
    finish(limit, with_derivative, False, kept, waiting, total)
    total = 0
    for point in range(len(points)):
        if not settle(kept, point, limit, ROUNDING, mu, distance):
            waiting[total] = point
            total += 1
    finish(limit, with_derivative, True, kept, waiting, total)
    missing = 0
    for index in range(total):
        point = waiting[index]
        if not settle(kept, point, limit, DOUBLED_ROUNDING, mu, distance):
            lost[missing] = point
            missing += 1
    return missing
