import math
import subprocess
import sys

import numba
import numpy as np
import pytest

from challenge.mandelbrot.kernels import (
    escape,
    first_steps,
    float64_steps,
    interior,
    lanes,
    logarithm,
    multiprecision_steps,
    results,
    series,
)
from tests.support import oracle

LIVE = 61
LIMIT = 1e9
SHAPES = ((8, 8), (8, 3), (4, 4), (2, 4), (1, 2))


def state_of(points, parts=1):
    rows = float64_steps.ROWS if parts == 1 else multiprecision_steps.rows(parts)
    state = np.zeros((rows, len(points) + lanes.SLACK))
    state[float64_steps.CR, : len(points)], state[float64_steps.CI, : len(points)] = points.T
    state[float64_steps.INDEX, : len(points)] = np.arange(len(points))
    state[float64_steps.REF_R] = state[float64_steps.REF_I] = 1e9
    if parts > 1:
        for lane, (re, im) in enumerate(points):
            multiprecision_steps.split(re, parts, float64_steps.ROWS + 2 * parts - 2, lane, state)
            multiprecision_steps.split(im, parts, float64_steps.ROWS + 2 * parts - 1, lane, state)
    return state


def shore(seed, n=LIVE):
    return np.array([-0.7463, 0.1102]) + 0.005 * np.random.default_rng(seed).uniform(-1, 1, (n, 2))


def long_lived(steps, n=LIVE):
    """Points of the seahorse valley that are still near after so many steps."""
    chosen = [point for point in shore(5, 400).tolist() if oracle.count(*point, 2 * steps) > steps + 10]
    return np.array(chosen[:n])


def run(kernel, state, live, turns, number):
    @numba.njit
    def call(state, live, turns, number):
        kernel(state, live, turns, number)

    call(state, live, turns, float(number))


def run_compact(kernel, state, live, ended, there, number):
    @numba.njit
    def call(state, live, ended, there, number):
        return kernel(state, live, ended, there, number)

    return call(state, live, ended, there, float(number))


@pytest.mark.parametrize(
    "make",
    [
        lambda: (
            float64_steps._unchecked_steps(with_derivative=True),
            float64_steps._compact(with_derivative=True),
            1,
        ),
        lambda: (float64_steps._unchecked_steps(with_bound=False), float64_steps._compact(), 1),
        lambda: (multiprecision_steps._unchecked_steps(2), multiprecision_steps._compact(2), 2),
        lambda: (multiprecision_steps._unchecked_steps(5), multiprecision_steps._compact(5), 5),
    ],
)
@pytest.mark.costly
def test_bits_do_not_depend_on_the_width_of_a_vector(make, monkeypatch):
    """Of a unchecked_steps, a compact, the checked_steps of those that ended, and their counts."""
    found = set()
    for shape in SHAPES:
        monkeypatch.setattr(lanes, "host_shape", lambda shape=shape: shape)
        unchecked_steps, compact, parts = make()
        checked_steps = (
            float64_steps._checked_steps(with_derivative=True)
            if parts == 1
            else multiprecision_steps._checked_steps(parts)
        )
        points = shore(1)
        state = state_of(points, parts)
        if parts == 1:
            run(first_steps._steps(with_derivative=True), state, LIVE, 7, 0)
        else:
            run(checked_steps, state, LIVE, 0, 8)
        run(unchecked_steps, state, LIVE, 4, 40)
        state[float64_steps.COUNT] = 8
        ended = np.zeros_like(state)
        live, there, flagged = run_compact(compact, state, LIVE, ended, 0, 40)
        assert 0 < live < LIVE
        run(checked_steps, ended, there, 0, LIMIT)
        run(results._measure(with_distance=True), ended, there, 0, LIMIT)
        rows = [*range(float64_steps.AHEAD), results.MU, results.DISTANCE, results.OUTCOME]
        found.add(
            (
                state[: float64_steps.AHEAD, :live].tobytes(),
                ended[rows, :there].tobytes(),
                live,
                there,
                flagged,
            )
        )
    assert len(found) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_compaction_loses_no_lane_and_keeps_the_order(shape):
    """Rows: 0 says who stays, 1 who is flagged, 2 and 3 tell the lanes apart."""

    def judge(block, number):
        return block.load(0) <= block.spread(number), block.load(1) <= 0.0

    compact = lanes.compaction_kernel(judge, {0: 0, 2: 2, 1: 1}, {0: 3, 1: 2}, shape=shape)

    @numba.njit
    def call(state, live, ended, there, number):
        return compact(state, live, ended, there, number)

    for seed in range(300):
        rng = np.random.default_rng(seed)
        live = (0, 1, 7, 8, 9, 63, 64)[seed % 7]
        share = (0.0, 0.1, 0.5, 0.9, 1.0)[seed % 5]
        state, ended = rng.random((4, 64 + lanes.SLACK)), np.zeros((2, 128 + lanes.SLACK))
        ended[:, :5] = 7.0
        state[1, rng.random(state.shape[1]) < 0.02] = -1.0
        state[0, rng.random(state.shape[1]) < 0.1] = np.nan
        before = state.copy()
        stay = before[0, :live] <= share
        left, there, flagged = call(state, live, ended, 5, share)
        assert (left, there) == (stay.sum(), 5 + (~stay).sum())
        assert state[:3, :left].tobytes() == before[:3, :live][:, stay].tobytes()
        assert ended[:, :5].tolist() == [[7.0] * 5] * 2
        assert ended[:, 5:there].tobytes() == before[[3, 2], :live][:, ~stay].tobytes()
        assert bool(flagged) == bool((before[1, :live][stay] <= 0).any())


@pytest.mark.slow  # a whole compilation more
def test_a_processor_without_wide_registers_gives_the_same_bits(tmp_path):
    """Numba compiles for a plain x86-64 or whatever is generic here, in a process and a cache of its own."""
    program = (
        "import numpy as np\nfrom challenge.mandelbrot.target import escape_count, distance\n"
        "p = np.array([-0.7463, 0.1102]) + 0.005 * np.random.default_rng(2).uniform(-1, 1, (300, 2))\n"
        "import hashlib\n"
        "print(hashlib.sha256(escape_count(p).tobytes() + distance(p).tobytes()).hexdigest())\n"
    )
    found = set()
    for name in ("", "generic"):
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
        if name:
            environment |= {
                "NUMBA_CPU_NAME": name,
                "NUMBA_CPU_FEATURES": "",
                "NUMBA_CACHE_DIR": str(tmp_path),
            }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def exact_orbit(re, im, steps):
    gmpy2 = oracle.gmpy2
    with gmpy2.context(precision=800):
        c, z = gmpy2.mpc(re, im), gmpy2.mpc(0)
        for _ in range(steps):
            z = z * z + c
        return z


def z_of(gmpy2, state, lane, parts, ahead):
    high = float64_steps.AHEAD if ahead else float64_steps.ZR
    further = (multiprecision_steps._ahead(parts) if ahead else float64_steps.ROWS) if parts > 1 else 0
    rows = [high, *range(further, further + 2 * parts - 2, 2)]
    with gmpy2.context(precision=700):
        return gmpy2.mpc(
            sum((gmpy2.mpfr(state[row, lane]) for row in rows), gmpy2.mpfr(0)),
            sum((gmpy2.mpfr(state[row + 1, lane]) for row in rows), gmpy2.mpfr(0)),
        )


@pytest.mark.parametrize("steps", [8, 32, 160])
def test_the_bound_of_unchecked_steps_is_never_below_the_error(steps):
    points = long_lived(steps)
    state = state_of(points)
    run(float64_steps.unchecked_steps, state, len(points), steps // float64_steps.TURN, steps)
    worst = 0.0
    for lane, (re, im) in enumerate(points.tolist()):
        z = exact_orbit(re, im, steps)
        error = abs(z - z_of(oracle.gmpy2, state, lane, 1, True))
        bound = math.sqrt(state[float64_steps.AHEAD_OF[float64_steps.ERROR], lane])
        assert error <= bound
        worst = max(worst, float(error) / bound)
    # A bound that says nothing would hold as well.
    assert worst > 1e-4


@pytest.mark.costly
@pytest.mark.parametrize("parts", [1, *multiprecision_steps.LADDER])
def test_the_bound_of_checked_steps_is_never_below_the_error(parts):
    points = long_lived(32)
    state = state_of(points, parts)
    kernel = multiprecision_steps.CHECKED_STEPS[parts] if parts > 1 else float64_steps.checked_steps
    run(kernel, state, len(points), 0, 20)
    for lane, (re, im) in enumerate(points.tolist()):
        assert state[float64_steps.COUNT, lane] == 20
        z = exact_orbit(re, im, 20)
        # Checked steps in limbs end with z as one double: its first two limbs.
        error = abs(z - oracle.gmpy2.mpc(state[float64_steps.ZR, lane], state[float64_steps.ZI, lane]))
        allowed = math.sqrt(state[float64_steps.ERROR, lane]) + (2.0**-48 if parts > 1 else 0.0)
        assert error <= allowed


@pytest.mark.costly
@pytest.mark.parametrize("parts", multiprecision_steps.LADDER)
def test_limbs_are_as_precise_as_they_say(parts):
    points = long_lived(160)
    state = state_of(points, parts)
    run(multiprecision_steps.UNCHECKED_STEPS[parts], state, len(points), 20, 160)
    for lane, (re, im) in enumerate(points.tolist()):
        error = abs(exact_orbit(re, im, 160) - z_of(oracle.gmpy2, state, lane, parts, True))
        bound = math.sqrt(state[float64_steps.AHEAD_OF[float64_steps.ERROR], lane])
        assert error <= bound
        assert bound < multiprecision_steps.rounding(parts) * 1e12
        # Every limb but the last is a whole number of its units, or its products would round.
        further = range(multiprecision_steps._ahead(parts), multiprecision_steps.rows(parts) - 2)
        for place, row in enumerate([float64_steps.AHEAD, float64_steps.AHEAD + 1, *further]):
            whole = state[row, lane] * 2.0 ** (multiprecision_steps.BITS * (place // 2 + 1))
            assert whole == round(whole)
            assert place < 2 or abs(whole) <= 2.0 ** (multiprecision_steps.BITS - 1)


@pytest.mark.parametrize("value", [-0.7463, 1e-20, 5e-324, -1.9999999999999998, 0.0, 2.0**-24, 1e-300])
@pytest.mark.parametrize("parts", multiprecision_steps.LADDER)
def test_limbs_of_a_double_add_up_to_it(value, parts):
    state = np.zeros((2 * parts, 1))
    multiprecision_steps.split(value, parts, 0, 0, state)
    with oracle.gmpy2.context(precision=1200):
        assert sum(oracle.gmpy2.mpfr(limb) for limb in state[::2, 0]) == value
    assert not state[1::2].any()


def test_logarithm():
    values = np.concatenate([np.geomspace(1e-300, 1e300, 4001), 1 + np.linspace(-0.4, 0.5, 1001)])
    got = np.array([logarithm.log2(value) for value in values])
    want = np.array([math.log2(value) for value in values])
    assert np.abs(got - want).max() <= 2e-16 * np.maximum(1, np.abs(want)).max()


def test_a_disc_proves_cycles_and_nothing_else():
    # The centre of the period-3 component, from its own cycle; and a repelling fixed point, exactly.
    assert interior.attracted(-0.12256116687665361, 0.74486176661974423, 0.0, 0.0, 1e-9, 3)
    c = 0.4 + 0.3j
    fixed = (1 + (1 - 4 * c) ** 0.5) / 2
    assert not interior.attracted(c.real, c.imag, fixed.real, fixed.imag, 1e-9, 1000)


def test_known_insides_keep_away_from_the_border():
    turns = np.linspace(0, 2 * math.pi, 997)
    multipliers = np.exp(1j * turns)
    for radius, expected in ((1 - 1e-6, True), (1 + 1e-6, False)):
        points = radius * multipliers / 2 - (radius * multipliers) ** 2 / 4
        chosen = np.array([[c.real, c.imag] for c in points if c.imag and abs(c + 1) > 0.26])
        known = np.zeros((1, 2048))
        left, there, _ = run_compact(
            interior.remove_known_inside, state_of(chosen), len(chosen), known, 0, 0.0
        )
        assert left + there == len(chosen)
        found = np.isin(np.arange(len(chosen)), known[0, :there])
        # At the cusp the border is flat, and the margin takes more.
        assert np.mean(found) > 0.95 if expected else not any(found)


def test_a_chunk_says_who_is_late_and_who_is_doubtful():
    points = np.array([[-0.75, 0.01], [0.5, 0.6], [0.25 + 1e-12, 1e-12]])
    mu, lists, resumed = np.empty(3), np.empty((2, 3), np.int32), np.empty((3, series.STARTS))
    doubtful, late = escape.escape(points, resumed[:0], 200, 1, mu, np.empty(0), lists[0], lists[1], resumed)
    assert (doubtful, late) == (0, 2)
    assert set(lists[1, :2]) == {0, 2}
