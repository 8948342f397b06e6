"""Escape counts of one chunk of points, in lanes that step together.

Points are started in batches (`start_batch`), and most of the plane has escaped after the first few steps.
Points that no closed form proves to be inside then take unchecked steps together (`advance`). After each run
the state is compacted: lanes that left |z| <= 2 move to a second state, `finished`, take checked steps to the
bailout there, and are measured (`finish_lanes`). When few lanes are left they move to the state of the next
level and wait, at the count that they have reached, until there are enough of them to fill the vectors.

In which steps a point is tested follows from its count alone, so no result depends on its neighbours.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from challenge.mandelbrot.kernels.dispatch import (
    DOUBLES,
    DOUBLES_WITHOUT_BOUND,
    checked_steps,
    compact,
    unchecked_steps,
)
from challenge.mandelbrot.kernels.first_steps import (
    compact_started,
    compact_started_with_derivative,
    take_first_steps,
    take_first_steps_with_derivative,
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
from challenge.mandelbrot.kernels.interior import attracted, remove_known_inside
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
from challenge.mandelbrot.kernels.series import (
    START_COUNT,
    START_DI,
    START_DR,
    START_ERROR,
    START_ZI,
    START_ZR,
)

Array = NDArray[np.float64]
Indices = NDArray[np.int32]

# Lanes that start together, that a state holds, and that have to have finished before they are measured. In
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


class Chunk(NamedTuple):
    """Where the orbits of a chunk of points start, and what is written for them; see `escape`.

    listed: (2,) how many are in doubtful, and in late.
    """

    starts: Array
    mu: Array
    distance: Array
    doubtful: Indices
    late: Indices
    resumed: Array
    listed: NDArray[np.int64]


@kernel
def suspend(state: Array, lane: int, chunk: Chunk) -> None:
    """List a lane's point as late, and write where its orbit is, for a pass that goes on from there."""
    point = int(state[INDEX, lane])
    start = chunk.resumed[point]
    start[START_ZR], start[START_ZI] = state[ZR, lane], state[ZI, lane]
    start[START_DR], start[START_DI] = state[DR, lane], state[DI, lane]
    start[START_ERROR] = state[ERROR, lane]
    start[START_COUNT] = state[COUNT, lane]
    chunk.late[chunk.listed[1]] = point
    chunk.listed[1] += 1


@kernel
def finish_lanes(finished: Array, done: int, limit: float, precision: int, chunk: Chunk) -> None:
    """Take finished lanes to the bailout, write their results, and list the points that are not settled."""
    if chunk.starts.size:
        for lane in range(done):
            finished[COUNT, lane] += chunk.starts[int(finished[INDEX, lane]), START_COUNT] - TURN
    checked_steps(precision, chunk.distance.size > 0, finished, done, limit)
    if chunk.distance.size:
        measure_with_distance(finished, done, 0, limit)
    else:
        measure(finished, done, 0, limit)
    for lane in range(done):
        point = int(finished[INDEX, lane])
        chunk.mu[point] = finished[MU, lane]
        if chunk.distance.size:
            chunk.distance[point] = finished[DISTANCE, lane]
        if finished[OUTCOME, lane] == SETTLED:
            continue
        if finished[OUTCOME, lane] == LATE:
            if precision <= DOUBLES:
                suspend(finished, lane, chunk)
        elif precision != DOUBLES_WITHOUT_BOUND:
            chunk.doubtful[chunk.listed[0]] = point
            chunk.listed[0] += 1


@kernel
def write_inside(point: float, chunk: Chunk) -> None:
    """Write the results of a point that is proved to be inside."""
    chunk.mu[int(point)] = np.inf
    if chunk.distance.size:
        chunk.distance[int(point)] = 0.0


@kernel
def position(state: Array, lane: int, precision: int, part: int) -> float:
    """The real or imaginary part of a lane's z, as one double."""
    return float(state[ZR + part, lane] + (state[ROWS + part, lane] if precision > DOUBLES else 0.0))


@kernel
def set_reference(state: Array, live: int, precision: int) -> None:
    """Store the lanes' present z as the reference to which a cycle would return."""
    for part in range(2):
        for lane in range(live):
            state[REF_R + part, lane] = position(state, lane, precision, part)


@kernel
def remove_proven_inside(state: Array, live: int, precision: int, steps: int, chunk: Chunk) -> int:
    """Remove lanes that have returned near their reference and are proved inside; returns how many remain.

    Args:
        state: of lanes that have taken `steps` steps since the reference was stored.
        live: lanes in use.
        precision: see `escape`.
        steps: steps since the reference.
        chunk: written.
    """
    for lane in range(live - 1, -1, -1):
        zr, zi = position(state, lane, precision, 0), position(state, lane, precision, 1)
        gap_r, gap_i = zr - state[REF_R, lane], zi - state[REF_I, lane]
        squared = gap_r * gap_r + gap_i * gap_i
        if not squared <= NEAR_SQUARED:
            continue
        if attracted(state[CR, lane], state[CI, lane], zr, zi, np.sqrt(squared), steps):
            write_inside(state[INDEX, lane], chunk)
            live -= 1
            state[:, lane] = state[:, live]
        else:
            # Not yet: ask again after the next reference, when the orbit has come closer to its cycle.
            state[REF_R, lane] = FAR
    return live


@kernel
def append_lanes(state: Array, live: int, others: Array, done: int) -> int:
    """Append lanes to another state that holds `done`; returns how many it holds afterwards."""
    for row in range(len(state)):
        if AHEAD <= row < ROWS:
            continue
        for lane in range(live):
            others[row, done + lane] = state[row, lane]
    return done + live


@kernel
def start_batch(
    points: Array,
    first: int,
    state: Array,
    finished: Array,
    done: int,
    limit: int,
    precision: int,
    chunk: Chunk,
) -> tuple[int, int, int]:
    """Start a batch: in limbs at z = 0; in doubles at the points' starts, or else with the first turn taken.

    Lanes with starts count as if they had taken one turn; `finish_lanes` adds the difference.

    Returns:
        How many points were started, are still active, and are in `finished`.
    """
    begun = live = min(BATCH if precision <= DOUBLES else CAPACITY_IN_LIMBS, len(points) - first)
    for lane in range(live):
        state[CR, lane] = points[first + lane, 0]
        state[CI, lane] = points[first + lane, 1]
        state[INDEX, lane] = first + lane
    if precision > DOUBLES:
        for row in (ZR, ZI, ERROR, DR, DI):
            state[row, :live] = 0.0
        state[ROWS : ROWS + 2 * precision - 2, :live] = 0.0
        for lane in range(live):
            split(state[CR, lane], precision, ROWS + 2 * precision - 2, lane, state)
            split(state[CI, lane], precision, ROWS + 2 * precision - 1, lane, state)
        return begun, live, done
    here = slice(first, first + begun)
    if chunk.starts.size:
        for row, start in (
            (ZR, START_ZR),
            (ZI, START_ZI),
            (ERROR, START_ERROR),
            (DR, START_DR),
            (DI, START_DI),
        ):
            state[row, :live] = chunk.starts[here, start]
    # Final for the lanes that have escaped; the others are written again when they finish.
    elif chunk.distance.size:
        take_first_steps_with_derivative(state, live, min(limit, TURN) - 1, 0.0)
        measure_of_many_with_distance(state, live, 0, limit)
        chunk.distance[here] = state[DISTANCE, :live]
        chunk.mu[here] = state[MU, :live]
        live, done, _ = compact_started_with_derivative(state, live, finished, done, limit)
    else:
        take_first_steps(state, live, min(limit, TURN) - 1, 0.0)
        measure_of_many(state, live, 0, limit)
        chunk.mu[here] = state[MU, :live]
        live, done, _ = compact_started(state, live, finished, done, limit)
    if precision == DOUBLES_WITHOUT_BOUND:
        # Steps without the bound do not write this row, and measuring has just written outcomes there.
        state[AHEAD_OF_ERROR, :] = 0.0
    known = np.empty((1, BATCH + SLACK))
    live, apart, _ = remove_known_inside(state, live, known, 0, 0.0)
    for lane in range(apart):
        write_inside(known[0, lane], chunk)
    return begun, live, done


@kernel
def turns_at(n: int) -> int:
    """Turns of unchecked steps to take from count n: long runs waste more steps when lanes escape in them."""
    return 1 if n < 16 else 2 if n < 64 else 4


@kernel
def advance(
    n: int,
    end: int,
    state: Array,
    live: int,
    finished: Array,
    done: int,
    limit: int,
    precision: int,
    chunk: Chunk,
) -> tuple[int, int, int]:
    """Take the lanes of a level to its last count, `end`.

    Returns:
        The count reached, the lanes still active, and the lanes in `finished`.
    """
    referred = max(n, TURN)
    set_reference(state, live, precision)
    end = min(end, limit)
    while live and n + TURN <= end:
        turns = min(turns_at(n), (end - n) // TURN)
        after = n + TURN * turns
        unchecked_steps(precision, chunk.distance.size > 0, state, live, turns, after)
        state[COUNT, :live] = n
        live, done, back = compact(precision, chunk.distance.size > 0, state, live, finished, done, after)
        n = after
        if back:
            live = remove_proven_inside(state, live, precision, n - referred, chunk)
        if done >= ENOUGH:
            finish_lanes(finished, done, limit, precision, chunk)
            done = 0
        if n >= 2 * referred:
            set_reference(state, live, precision)
            referred = n
    state[COUNT, :live] = n
    return n, live, done


@kernel
def escape(
    points: Array,
    starts: Array,
    limit: int,
    precision: int,
    mu: Array,
    distance: Array,
    doubtful: Indices,
    late: Indices,
    resumed: Array,
) -> tuple[int, int]:
    """Escape counts and, if distance is not empty, distances of one chunk of points.

    Args:
        points: (n, 2) plane points, finite, |re| and |im| at most 1e75.
        starts: (n, STARTS) where orbits start, from `series.starts`, in doubles; or (0, STARTS): at 0.
        limit: iterations after which a point counts as inside.
        precision: `DOUBLES_WITHOUT_BOUND`, `DOUBLES`, or the number of limbs of z.
        mu: (n,) the smooth counts, written; +inf inside.
        distance: (n,) the exterior distances, written, 0 inside; or (0,).
        doubtful: (n,) written with the points that need more precision.
        late: (n,) written, in doubles, with the points that neither escaped within the limit nor are proved
            inside.
        resumed: (n, STARTS) written for those: where another pass in doubles can go on.

    Returns:
        How many are doubtful, and how many late.
    """
    chunk = Chunk(starts, mu, distance, doubtful, late, resumed, np.zeros(2, np.int64))
    capacity = CAPACITY if precision <= DOUBLES else CAPACITY_IN_LIMBS
    height = ROWS if precision <= DOUBLES else ROWS + 6 * precision - 4
    states = np.empty((len(LEVELS), height, capacity + SLACK))
    # Steps without the bound do not write this row.
    states[:, AHEAD_OF_ERROR] = 0.0
    finished = np.empty((height, ENOUGH + capacity + SLACK))
    lives = np.zeros(len(LEVELS), np.int64)
    done = first = lowest = 0
    while first < len(points) or lives.sum() > 0:
        if first < len(points):
            begun, lives[0], done = start_batch(
                points, first, states[0], finished, done, limit, precision, chunk
            )
            first += begun
        else:
            while lives[lowest] == 0:
                lowest += 1
        # A level that must make room for the one below advances first.
        level = lowest
        while level + 1 < len(LEVELS) and lives[level] + lives[level + 1] > capacity:
            level += 1
        while level >= lowest:
            n = LEVELS[level - 1] if level else TURN if precision <= DOUBLES else 0
            n, live, done = advance(
                n, LEVELS[level], states[level], lives[level], finished, done, limit, precision, chunk
            )
            if n + TURN <= limit:
                lives[level + 1] = append_lanes(states[level], live, states[level + 1], lives[level + 1])
            else:
                done = append_lanes(states[level], live, finished, done)
            lives[level] = 0
            level -= 1
        if done >= ENOUGH:
            finish_lanes(finished, done, limit, precision, chunk)
            done = 0
    finish_lanes(finished, done, limit, precision, chunk)
    return chunk.listed[0], chunk.listed[1]
