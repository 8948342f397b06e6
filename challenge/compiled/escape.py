"""The story of a chunk of points.

Every point walks sixteen steps; most of the plane has escaped by then. Those that are not known to be inside
sprint, and are replaced in their lane when they leave it: to be proved inside, or to walk their last steps.
Who is not settled by that is listed: points that need more iterations, and points that need more precision.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from challenge.compiled.bursts import (
    BAILOUT_SQUARED,
    CI,
    COUNT,
    CR,
    CRAWL_ROUNDING,
    DI,
    DR,
    ERROR,
    FIELDS,
    FLOOR,
    LOST,
    MU,
    NEXT,
    PARTS,
    REF_I,
    REF_R,
    ROUNDING,
    SHIFTED,
    SPRINT_STEPS,
    STEPS,
    ZI,
    ZR,
    crawl_2,
    crawl_3,
    crawl_4,
    sprint,
    sprint_with_derivative,
    walk,
    walk_with_derivative,
)
from challenge.compiled.interior import attracted, known_inside
from challenge.compiled.logarithm import exterior_distance, smooth, trustworthy
from challenge.compiled.results import measure
from challenge.compiled.vectors import LANES, kernel, lowest_bit

Array = NDArray[np.float64]
Indices = NDArray[np.int32]

# What a point keeps between bursts: a row, one cache line; a prefix of the lane's fields.
KEPT: Final = 8
NOBODY: Final = np.uint64(0)
ONE: Final = np.uint64(1)
EVERYBODY: Final = np.uint64(2**64 - 1)
FAR: Final = 1e9
PROVED: Final = -1.0  # the count of a point that is proved inside

ROUNDINGS: Final = (0.0, ROUNDING, CRAWL_ROUNDING[2], CRAWL_ROUNDING[3], CRAWL_ROUNDING[4])

# Ways to run a crowd; a crawl's is its number of parts.
SPRINT: Final = 0
WALK: Final = 1


@kernel
def begin(points: Array, limit: float, kept: Array, mu: Array, distance: Array, waiting: Indices) -> int:
    """Walk every point from 0; settles who escapes or is known to be inside, lists and counts the others."""
    state = np.zeros((FIELDS, LANES))
    state[NEXT] = np.inf
    total = 0
    for first in range(0, len(points), LANES):
        busy = min(LANES, len(points) - first)
        state[:KEPT] = 0.0
        for lane in range(busy):
            state[CR, lane] = points[first + lane, 0]
            state[CI, lane] = points[first + lane, 1]
        if distance.size:
            walk_with_derivative(state, EVERYBODY, limit)
        else:
            walk(state, EVERYBODY, limit)
        outside, settled = measure(state, EVERYBODY, limit)
        for lane in range(busy):
            point, bit = first + lane, ONE << np.uint64(lane)
            if settled & bit:
                mu[point] = state[MU, lane]
                if distance.size:
                    squared = state[ZR, lane] * state[ZR, lane] + state[ZI, lane] * state[ZI, lane]
                    distance[point] = exterior_distance(squared, state[DR, lane], state[DI, lane])
            elif not outside & bit and known_inside(state[CR, lane], state[CI, lane]):
                mu[point] = np.inf
                if distance.size:
                    distance[point] = 0.0
            else:
                for field in range(KEPT):
                    kept[point, field] = state[field, lane]
                waiting[total] = point
                total += 1
    return total


@kernel
def _enter(state: Array, lane: int, kept: Array, point: int) -> None:
    for field in range(KEPT):
        state[field, lane] = kept[point, field]
    state[PARTS:, lane] = 0.0
    state[SHIFTED, lane] = state[CR, lane] - FLOOR
    state[REF_R, lane] = FAR
    state[REF_I, lane] = FAR
    state[NEXT, lane] = max(2.0 * STEPS, state[COUNT, lane])


@kernel
def _proved(state: Array, lane: int) -> bool:
    """Whether a lane that came back near its reference is in the grip of an attracting cycle."""
    gap_r, gap_i = state[ZR, lane] - state[REF_R, lane], state[ZI, lane] - state[REF_I, lane]
    gap = np.sqrt(gap_r * gap_r + gap_i * gap_i)
    steps = int(state[COUNT, lane] - 0.5 * state[NEXT, lane])
    if attracted(state[CR, lane], state[CI, lane], state[ZR, lane], state[ZI, lane], gap, steps):
        return True
    # Not yet: ask again after the next reference, when the orbit has come closer to its cycle.
    state[REF_R, lane] = FAR
    return False


@kernel
def _burst(
    way: int, state: Array, busy: np.uint64, limit: float, with_derivative: bool
) -> tuple[np.uint64, np.uint64]:
    if way == 2:
        masks = crawl_2(state, busy, limit)
    elif way == 3:
        masks = crawl_3(state, busy, limit)
    elif way == 4:
        masks = crawl_4(state, busy, limit)
    elif way == WALK:
        masks = walk_with_derivative(state, busy, limit) if with_derivative else walk(state, busy, limit)
    elif with_derivative:
        masks = sprint_with_derivative(state, busy, limit)
    else:
        masks = sprint(state, busy, limit)
    return masks[0], masks[1]


@kernel
def crowd(way: int, limit: float, with_derivative: bool, kept: Array, waiting: Indices, total: int) -> int:
    """Sprint, walk or crawl the points that wait until they leave; lists and counts who is not proved inside.

    Args:
        way: SPRINT, WALK, or the parts of a crawl.
        limit: iterations.
        with_derivative: carry dz/dc along; a crawl always does.
        kept: (n, KEPT) where the points are; a crawl starts where count is 0.
        waiting: (n,) indices of points; the first total of them are run.
        total: see waiting.
    """
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
        leaving, near = _burst(way, state, busy, limit, with_derivative)
        while near:
            lane = lowest_bit(near)
            near &= near - ONE
            if _proved(state, lane):
                state[COUNT, lane] = PROVED
                leaving |= ONE << np.uint64(lane)
        while leaving:
            lane = lowest_bit(leaving)
            leaving &= leaving - ONE
            point = owner[lane]
            for field in range(KEPT):
                kept[point, field] = state[field, lane]
            if state[COUNT, lane] != PROVED:
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
def settle(kept: Array, point: int, limit: float, rounding: float, mu: Array, distance: Array) -> bool:
    """Write a finished point's results; False if they are not precise enough."""
    count, error = kept[point, COUNT], kept[point, ERROR]
    squared = kept[point, ZR] * kept[point, ZR] + kept[point, ZI] * kept[point, ZI]
    if count == PROVED or not squared > BAILOUT_SQUARED:
        mu[point] = np.inf
        if distance.size:
            distance[point] = 0.0
        lost = not count * error * rounding * rounding <= LOST * LOST
        return bool(count == PROVED or (count >= limit and not lost))
    value = smooth(squared, count)
    mu[point] = value
    if distance.size:
        distance[point] = exterior_distance(squared, kept[point, DR], kept[point, DI])
    return bool(trustworthy(squared, count, value, error, rounding))


@kernel
def escape(
    points: Array, limit: float, parts: int, mu: Array, distance: Array, doubtful: Indices, late: Indices
) -> tuple[int, int]:
    """Escape counts and, if distance is not empty, distances of one chunk of points.

    Args:
        points: (n, 2) plane points, finite, |re| and |im| at most 1e75.
        limit: iterations after which a point counts as inside.
        parts: doubles that z is a sum of: 1 to 4; beyond 1 the points crawl.
        mu: (n,) the smooth counts, written; +inf inside.
        distance: (n,) the exterior distances, written, 0 inside; or (0,).
        doubtful: (n,) written with the points that need more precision.
        late: (n,) written with the points that did not escape within the limit and are not proved inside.

    Returns:
        How many are doubtful, and how many late.
    """
    with_derivative = distance.size > 0
    kept = np.empty((len(points), KEPT))
    waiting = np.empty(len(points), np.int32)
    rounding = ROUNDINGS[parts]
    if parts > 1:
        total = len(points)
        kept[:] = 0.0
        kept[:, CR : CI + 1] = points
        waiting[:] = np.arange(total)
    else:
        total = begin(points, limit, kept, mu, distance, waiting)
    # The lists of the crowd are used up as they run.
    pending = waiting[:total].copy()
    if parts > 1:
        crowd(parts, limit, True, kept, waiting, total)
    else:
        if limit >= STEPS + SPRINT_STEPS:
            total = crowd(SPRINT, limit, with_derivative, kept, waiting, total)
        crowd(WALK, limit, with_derivative, kept, waiting, total)
    unsure = unfinished = 0
    for point in pending:
        if not settle(kept, point, limit, rounding, mu, distance):
            doubtful[unsure] = point
            unsure += 1
        elif mu[point] == np.inf and kept[point, COUNT] != PROVED:
            late[unfinished] = point
            unfinished += 1
    return unsure, unfinished
