"""The story of a chunk of points.

Points walk a few steps, in batches, and most of the plane has escaped by then. Those that are not known to be
inside sprint together. After every sprint the state is sifted: who escaped goes to the ended, a state of its
own, where it walks its last steps and is measured; the others close ranks. Where few are left they wait, at
the count that they have reached, in the state of the next level, until there are enough of them to go on.

A point's way, in which steps it sprints and where it is tested, follows from its count alone.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.kernels.dispatch import IN_DOUBLES, WITHOUT_BOUND, sift, sprint, walk
from challenge.mandelbrot.kernels.first_steps import (
    open_up,
    open_up_with_derivative,
    sift_opened,
    sift_opened_with_derivative,
)
from challenge.mandelbrot.kernels.float64_steps import (
    AHEAD,
    AHEAD_OF,
    CI,
    COUNT,
    CR,
    DI,
    DR,
    ERROR,
    INDEX,
    NEAR,
    REF_I,
    REF_R,
    ROWS,
    TURN,
    ZI,
    ZR,
)
from challenge.mandelbrot.kernels.interior import attracted, sift_known
from challenge.mandelbrot.kernels.lanes import SLACK
from challenge.mandelbrot.kernels.llvm_vectors import kernel
from challenge.mandelbrot.kernels.multiprecision_steps import split
from challenge.mandelbrot.kernels.results import (
    DISTANCE,
    LATE,
    MU,
    OUTCOME,
    SETTLED,
    measure,
    measure_of_many,
    measure_of_many_with_distance,
    measure_with_distance,
)

Array = NDArray[np.float64]
Indices = NDArray[np.int32]

# Lanes that start together, that a state holds, and that have to have ended before they are measured. In
# limbs a state has many rows, and is to stay in the cache.
BATCH: Final = 512
CAPACITY: Final = 1024
CAPACITY_IN_LIMBS: Final = 256
ENOUGH: Final = 256
# Counts at which lanes wait for others.
LEVELS: Final = (64, 512, 4096, 2**62)
FAR: Final = 1e9
NEAR_SQUARED: Final = NEAR**2
AHEAD_OF_ERROR: Final = AHEAD_OF[ERROR]


class Out(NamedTuple):
    """What is written for a chunk of points; see `escape`.

    listed: (2,) how many are in doubtful, and in late.
    """

    mu: Array
    distance: Array
    doubtful: Indices
    late: Indices
    listed: NDArray[np.int64]


@kernel
def finish(ended: Array, there: int, limit: float, way: int, out: Out) -> None:
    """Let those that ended walk to where they escape; write their results, list who is not settled."""
    walk(way, out.distance.size > 0, ended, there, limit)
    if out.distance.size:
        measure_with_distance(ended, there, 0, limit)
    else:
        measure(ended, there, 0, limit)
    for lane in range(there):
        point = int(ended[INDEX, lane])
        out.mu[point] = ended[MU, lane]
        if out.distance.size:
            out.distance[point] = ended[DISTANCE, lane]
        if ended[OUTCOME, lane] == SETTLED:
            continue
        if ended[OUTCOME, lane] == LATE:
            out.late[out.listed[1]] = point
            out.listed[1] += 1
        elif way != WITHOUT_BOUND:
            out.doubtful[out.listed[0]] = point
            out.listed[0] += 1


@kernel
def inside(point: float, out: Out) -> None:
    """Write the results of a point that is proved to be inside."""
    out.mu[int(point)] = np.inf
    if out.distance.size:
        out.distance[int(point)] = 0.0


@kernel
def where(state: Array, lane: int, way: int, part: int) -> float:
    """The real or imaginary part of a lane's z, as one double."""
    return float(state[ZR + part, lane] + (state[ROWS + part, lane] if way > IN_DOUBLES else 0.0))


@kernel
def refer(state: Array, live: int, way: int) -> None:
    """Take where the lanes are as the reference that a cycle would come back to."""
    for part in range(2):
        for lane in range(live):
            state[REF_R + part, lane] = where(state, lane, way, part)


@kernel
def prove(state: Array, live: int, way: int, steps: int, out: Out) -> int:
    """Take out who is proved to be inside, of those that are back near their reference; returns who is left.

    Args:
        state: of lanes that have come so many steps since the reference.
        live: how many.
        way: see `escape`.
        steps: see state.
        out: written.
    """
    for lane in range(live - 1, -1, -1):
        zr, zi = where(state, lane, way, 0), where(state, lane, way, 1)
        gap_r, gap_i = zr - state[REF_R, lane], zi - state[REF_I, lane]
        squared = gap_r * gap_r + gap_i * gap_i
        if not squared <= NEAR_SQUARED:
            continue
        if attracted(state[CR, lane], state[CI, lane], zr, zi, np.sqrt(squared), steps):
            inside(state[INDEX, lane], out)
            live -= 1
            state[:, lane] = state[:, live]
        else:
            # Not yet: ask again after the next reference, when the orbit has come closer to its cycle.
            state[REF_R, lane] = FAR
    return live


@kernel
def append(state: Array, live: int, others: Array, there: int) -> int:
    """Add lanes to those of another state; returns how many are there then."""
    for row in range(len(state)):
        if AHEAD <= row < ROWS:
            continue
        for lane in range(live):
            others[row, there + lane] = state[row, lane]
    return there + live


@kernel
def begin(
    points: Array, first: int, state: Array, ended: Array, there: int, limit: int, way: int, out: Out
) -> tuple[int, int, int]:
    """Put a batch of points at 0; in doubles at c, and take the rest of their first turn.

    Returns:
        How many have begun, are still there, and have ended.
    """
    begun = live = min(BATCH if way <= IN_DOUBLES else CAPACITY_IN_LIMBS, len(points) - first)
    for lane in range(live):
        state[CR, lane] = points[first + lane, 0]
        state[CI, lane] = points[first + lane, 1]
        state[INDEX, lane] = first + lane
    if way > IN_DOUBLES:
        for row in (ZR, ZI, ERROR, DR, DI):
            state[row, :live] = 0.0
        state[ROWS : ROWS + 2 * way - 2, :live] = 0.0
        for lane in range(live):
            split(state[CR, lane], way, ROWS + 2 * way - 2, lane, state)
            split(state[CI, lane], way, ROWS + 2 * way - 1, lane, state)
        return begun, live, there
    # Most of what is written here is right; the rest is written again when it ends.
    here = slice(first, first + begun)
    if out.distance.size:
        open_up_with_derivative(state, live, min(limit, TURN) - 1, 0.0)
        measure_of_many_with_distance(state, live, 0, limit)
        out.distance[here] = state[DISTANCE, :live]
        out.mu[here] = state[MU, :live]
        live, there, _ = sift_opened_with_derivative(state, live, ended, there, limit)
    else:
        open_up(state, live, min(limit, TURN) - 1, 0.0)
        measure_of_many(state, live, 0, limit)
        out.mu[here] = state[MU, :live]
        live, there, _ = sift_opened(state, live, ended, there, limit)
    known = np.empty((1, BATCH + SLACK))
    live, apart, _ = sift_known(state, live, known, 0, 0.0)
    for lane in range(apart):
        inside(known[0, lane], out)
    return begun, live, there


@kernel
def pace(n: int) -> int:
    """Turns of the next sprint of lanes that have come to a count: longer ones waste more where they end."""
    return 1 if n < 16 else 2 if n < 64 else 4


@kernel
def advance(
    n: int, end: int, state: Array, live: int, ended: Array, there: int, limit: int, way: int, out: Out
) -> tuple[int, int, int]:
    """Let the lanes of a level sprint to its end.

    Returns:
        Their count then, how many they are, and how many have ended.
    """
    referred = max(n, TURN)
    refer(state, live, way)
    end = min(end, limit)
    while live and n + TURN <= end:
        turns = min(pace(n), (end - n) // TURN)
        after = n + TURN * turns
        sprint(way, out.distance.size > 0, state, live, turns, after)
        state[COUNT, :live] = n
        live, there, back = sift(way, out.distance.size > 0, state, live, ended, there, after)
        n = after
        if back:
            live = prove(state, live, way, n - referred, out)
        if there >= ENOUGH:
            finish(ended, there, limit, way, out)
            there = 0
        if n >= 2 * referred:
            refer(state, live, way)
            referred = n
    state[COUNT, :live] = n
    return n, live, there


@kernel
def escape(
    points: Array, limit: int, way: int, mu: Array, distance: Array, doubtful: Indices, late: Indices
) -> tuple[int, int]:
    """Escape counts and, if distance is not empty, distances of one chunk of points.

    Args:
        points: (n, 2) plane points, finite, |re| and |im| at most 1e75.
        limit: iterations after which a point counts as inside.
        way: `WITHOUT_BOUND`, `IN_DOUBLES`, or the limbs of z.
        mu: (n,) the smooth counts, written; +inf inside.
        distance: (n,) the exterior distances, written, 0 inside; or (0,).
        doubtful: (n,) written with the points that need more precision.
        late: (n,) written with the points that did not escape within the limit and are not proved inside.

    Returns:
        How many are doubtful, and how many late.
    """
    out = Out(mu, distance, doubtful, late, np.zeros(2, np.int64))
    capacity = CAPACITY if way <= IN_DOUBLES else CAPACITY_IN_LIMBS
    height = ROWS if way <= IN_DOUBLES else ROWS + 6 * way - 4
    states = np.empty((len(LEVELS), height, capacity + SLACK))
    # Without the bound nobody writes it.
    states[:, AHEAD_OF_ERROR] = 0.0
    ended = np.empty((height, ENOUGH + capacity + SLACK))
    lives = np.zeros(len(LEVELS), np.int64)
    there = first = lowest = 0
    while first < len(points) or lives.sum() > 0:
        if first < len(points):
            begun, lives[0], there = begin(points, first, states[0], ended, there, limit, way, out)
            first += begun
        else:
            while lives[lowest] == 0:
                lowest += 1
        # Whoever has to make room goes first.
        level = lowest
        while level + 1 < len(LEVELS) and lives[level] + lives[level + 1] > capacity:
            level += 1
        while level >= lowest:
            n = LEVELS[level - 1] if level else TURN if way <= IN_DOUBLES else 0
            n, live, there = advance(
                n, LEVELS[level], states[level], lives[level], ended, there, limit, way, out
            )
            if n + TURN <= limit:
                lives[level + 1] = append(states[level], live, states[level + 1], lives[level + 1])
            else:
                there = append(states[level], live, ended, there)
            lives[level] = 0
            level -= 1
        if there >= ENOUGH:
            finish(ended, there, limit, way, out)
            there = 0
    finish(ended, there, limit, way, out)
    return out.listed[0], out.listed[1]
