import math
import subprocess
import sys

import numpy as np
import pytest

from challenge.compiled import bursts, escape, integers, interior, logarithm, vectors
from challenge.compiled.vectors import LANES

LIMIT = 1e9


def state_of(points):
    state = np.zeros((bursts.FIELDS, LANES))
    state[bursts.CR], state[bursts.CI] = points.T
    state[bursts.SHIFTED] = state[bursts.CR] - bursts.FLOOR
    state[bursts.REF_R] = state[bursts.REF_I] = 1e9
    state[bursts.NEXT] = 32
    return state


def shore(seed):
    return np.array([-0.7463, 0.1102]) + 0.005 * np.random.default_rng(seed).uniform(-1, 1, (LANES, 2))


def run(kernel, state, times):
    @vectors.numba.njit
    def loop(state, times):
        first = second = np.uint64(0)
        for _ in range(times):
            first, second = kernel(state, np.uint64(2**64 - 1), LIMIT)
        return first, second

    return loop(state, times)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bursts._sprint(with_derivative=True),
        lambda: bursts._walk(with_derivative=True),
        lambda: bursts._crawl(2),
    ],
)
def test_bits_do_not_depend_on_the_width_of_a_vector(make, monkeypatch):
    results = []
    for shape in ((8, 8), (8, 4), (4, 4), (2, 4), (1, 2)):
        monkeypatch.setattr(vectors, "host_shape", lambda shape=shape: shape)
        state = state_of(shore(1))
        masks = run(make(), state, 20)
        results.append((state[: bursts.AHEAD].tobytes(), masks))
    assert len(set(results)) == 1


@pytest.mark.long  # a whole compilation more
def test_a_processor_without_wide_registers_gives_the_same_bits(tmp_path):
    """Numba compiles for a plain x86-64 or whatever is generic here, in a process and a cache of its own."""
    program = (
        "import numpy as np\nfrom challenge.target import escape_count, distance\n"
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


def exact_orbit(oracle, re, im, steps):
    gmpy2 = oracle.gmpy2
    with gmpy2.context(precision=400):
        c, z = gmpy2.mpc(re, im), gmpy2.mpc(0)
        for _ in range(steps):
            z = z * z + c
        return z


@pytest.mark.parametrize(("kernel", "rounding"), [("sprint", bursts.ROUNDING), ("walk", bursts.ROUNDING)])
def test_the_bound_is_never_below_the_error(oracle, kernel, rounding):
    """On points that stay for long, which a sprint and a walk carry to the same place."""
    rng = np.random.default_rng(5)
    angles = rng.uniform(0, 2 * math.pi, 4000)
    around = np.array([-0.7463, 0.1102]) + 0.003 * np.stack([np.cos(angles), np.sin(angles)], 1) * rng.random(
        (4000, 1)
    )
    counts = np.array([oracle.count(float(re), float(im), 400) for re, im in around])
    state = state_of(around[counts > 200][:LANES])
    times = 160 // (bursts.SPRINT_STEPS if kernel == "sprint" else bursts.STEPS)
    run(getattr(bursts, kernel), state, times)
    checked = 0
    for lane in range(LANES):
        count = int(state[bursts.COUNT, lane])
        if not 0 < count <= 160:
            continue
        z = exact_orbit(oracle, float(state[bursts.CR, lane]), float(state[bursts.CI, lane]), count)
        error = abs(complex(z - oracle.gmpy2.mpc(state[bursts.ZR, lane], state[bursts.ZI, lane])))
        bound = rounding * math.sqrt(count * state[bursts.ERROR, lane])
        assert error <= bound
        checked += 1
    assert checked > 40


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_crawl_is_as_precise_as_it_says(oracle, parts):
    state = state_of(shore(4))
    run(getattr(bursts, f"crawl_{parts}"), state, 4)
    rounding = bursts.CRAWL_ROUNDING[parts]
    gmpy2 = oracle.gmpy2
    for lane in range(LANES):
        count = int(state[bursts.COUNT, lane])
        z = exact_orbit(oracle, float(state[bursts.CR, lane]), float(state[bursts.CI, lane]), count)
        with gmpy2.context(precision=400):
            extra = range(bursts.PARTS, bursts.PARTS + 2 * parts - 2, 2)
            real = sum(
                (gmpy2.mpfr(state[field, lane]) for field in extra), gmpy2.mpfr(state[bursts.ZR, lane])
            )
            imaginary = sum(
                (gmpy2.mpfr(state[field + 1, lane]) for field in extra), gmpy2.mpfr(state[bursts.ZI, lane])
            )
            size = abs(z)
            error = abs(z - gmpy2.mpc(real, imaginary))
        assert error <= rounding * math.sqrt(count * state[bursts.ERROR, lane]) * max(1, float(size))


@pytest.mark.parametrize("words", integers.WORDS)
def test_wide_integers_agree_with_the_oracle(oracle, words):
    for re, im in ((-0.41608914111967854, -0.5737615070860705), (0.4, 0.1), (-0.7463, 0.1102)):
        found = np.empty(2)
        precise = integers.FOLLOW[words](integers.start(re, im, words), 20_000.0, found[:1], found[1:])
        if precise:
            want = oracle.count(re, im, 20_000, 800)
            assert found[0] == pytest.approx(want, abs=1e-9) if math.isfinite(want) else math.isinf(found[0])


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
        found = [interior.known_inside(c.real, c.imag) for c in points if c.imag and abs(c + 1) > 0.26]
        # At the cusp the border is flat, and the margin takes more.
        assert np.mean(found) > 0.95 if expected else not any(found)


def test_a_chunk_says_who_is_late_and_who_is_doubtful():
    points = np.array([[-0.75, 0.01], [0.5, 0.6], [0.25 + 1e-12, 1e-12]])
    mu, lists = np.empty(3), np.empty((2, 3), np.int32)
    doubtful, late = escape.escape(points, 200.0, 1, mu, np.empty(0), lists[0], lists[1])
    assert (doubtful, late) == (0, 2)
    assert set(lists[1, :2]) == {0, 2}
