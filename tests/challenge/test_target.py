import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.mandelbrot import parallel
from challenge.mandelbrot.kernels import escape as compiled
from challenge.mandelbrot.kernels import series
from challenge.mandelbrot.target import LARGEST, distance, escape_count, escapes, squash, target
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE, Season
from tests.support import oracle

LIMIT = 3_000
TOLERANCE = 1e-9


def exact(points, limit=LIMIT, bits=1000):
    return np.array([oracle.target(oracle.count(float(re), float(im), limit, bits)) for re, im in points])


@pytest.mark.costly
@pytest.mark.parametrize("name", ["practice", "fresh"])
def test_points_of_a_season_are_exact(name):
    season = PRACTICE if name == "practice" else Season.open("fresh")
    points = evaluation_set(season, EvaluationSize(4, 32, 16)).points.reshape(-1, 2)
    chosen = np.random.default_rng(0).permutation(len(points))[:600]
    t = target(points[chosen], max_iterations=LIMIT)
    assert np.abs(t - exact(points[chosen])).max() <= TOLERANCE


@pytest.mark.slow
def test_many_points_of_fresh_seasons_are_exact():
    for name in "abc":
        points = evaluation_set(Season.open(name), EvaluationSize(16, 32, 8)).points.reshape(-1, 2)
        t = target(points, max_iterations=20_000)
        assert np.abs(t - exact(points, 20_000, 1500)).max() <= TOLERANCE


def newton(start, period):
    """A centre of a component: 0 returns to 0."""
    c = start
    for _ in range(60):
        z = d = 0j
        for _ in range(period):
            d, z = 2 * z * d + 1, z * z + c
        if d == 0:
            break
        c -= z / d
    return c


def misiurewicz(start, before, period):
    """A point whose orbit falls, after some steps, on a repelling cycle: on the border of the set."""
    c = start
    for _ in range(80):
        z = d = 0j
        saved = (z, d)
        for n in range(before + period):
            if n == before:
                saved = (z, d)
            d, z = 2 * z * d + 1, z * z + c
        if d == saved[1]:
            break
        c -= (z - saved[0]) / (d - saved[1])
    return c


angles = st.floats(0, 2 * math.pi)
places = st.tuples(st.floats(-2, 0.5), st.floats(-1.2, 1.2)).map(lambda pair: complex(*pair))


@pytest.mark.costly
@settings(max_examples=400, deadline=None)
@given(start=places, period=st.integers(1, 40), size=st.floats(0, 16), angle=angles, kind=st.booleans())
def test_no_error_slips_through_near_the_hardest_points(start, period, size, angle, kind):
    """In 3,000 bits: 700 were too few for a point that this found.

    Nuclei of components, whose orbits pass 0 closely, and Misiurewicz points, on the border itself."""
    with np.errstate(all="ignore"):
        try:
            centre = newton(start, period) if kind else misiurewicz(start, 2 + period // 2, 1 + period % 7)
        except OverflowError:
            return
    c = centre + 10.0**-size * complex(math.cos(angle), math.sin(angle))
    if not (abs(c) < 3 and math.isfinite(abs(c))):
        return
    got = target(np.array([[c.real, c.imag]]), max_iterations=1500)[0]
    assert abs(got - oracle.target(oracle.count(c.real, c.imag, 1500, 3000))) <= TOLERANCE


def test_what_doubles_settle_five_limbs_confirm_near_the_hardest_points():
    """More points than integers could follow, as near to nuclei and Misiurewicz points as doubles get."""
    rng = np.random.default_rng(11)
    centres = []
    with np.errstate(all="ignore"):
        for period in range(1, 60):
            for solve in (newton, lambda start, p: misiurewicz(start, 2 + p // 2, 1 + p % 7)):
                c = solve(complex(rng.uniform(-2, 0.5), rng.uniform(-1.2, 1.2)), period)
                if abs(c) < 2:
                    centres.append(c)
    offsets = 10.0 ** -rng.uniform(0, 17, (len(centres), 100)) * np.exp(2j * math.pi * rng.random(100))
    c = (np.array(centres)[:, None] + offsets).ravel()
    left = np.stack([c.real, c.imag], axis=1)
    for way, further in ((1, 5), (2, 5), (3, 8)):
        settled, mu, left = counted(left, way)
        again, want, unsettled = counted(settled, further)
        assert len(settled) > 20
        assert len(unsettled) == 0
        assert len(again) == len(settled)
        assert np.abs(squash(mu) - squash(want)).max() <= TOLERANCE


def counted(points, way, limit=1_000):
    """In one way: the points that it finds to escape, their counts, and those that it leaves doubtful."""
    n = len(points)
    mu, distance, lists, starts = (
        np.empty(n),
        np.empty(n),
        np.empty((2, n), np.int32),
        np.empty((n, series.STARTS)),
    )
    doubtful, late = compiled.escape(points, starts[:0], limit, way, mu, distance, lists[0], lists[1], starts)
    done = np.isfinite(mu)
    done[lists[0, :doubtful]] = done[lists[1, :late]] = False
    return points[done], mu[done], points[lists[0, :doubtful]]


@settings(max_examples=60, deadline=None)
@given(
    period=st.integers(1, 60), numerator=st.integers(1, 59), depth=st.floats(-14, -2), inward=st.booleans()
)
def test_the_inside_is_never_claimed_falsely_along_the_cardioid(period, numerator, depth, inward):
    """Slightly inside and outside of where bulbs touch the cardioid."""
    turn = 2 * math.pi * numerator / (period + 1)
    radius = 1 - 10.0**depth if inward else 1 + 10.0**depth
    multiplier = radius * complex(math.cos(turn), math.sin(turn))
    c = multiplier / 2 - multiplier * multiplier / 4
    got = escape_count(np.array([[c.real, c.imag]]), max_iterations=2000)[0]
    want = oracle.count(c.real, c.imag, 2000, 400)
    assert math.isinf(got) == math.isinf(want)
    if not math.isinf(want):
        assert abs(squash(np.array([got]))[0] - oracle.target(want)) <= TOLERANCE


def test_points_that_need_hundreds_of_bits():
    points = np.array(
        [
            [-0.74520439, 0.10794001],
            [-0.41608914111967854, -0.5737615070860705],
            [-1.1921213264369253, 0.16018593543375959],
            [5e-324, 1.0],
            [-1.9, 1e-200],
            [-2.0, 1e-300],
        ]
    )
    assert np.abs(target(points) - exact(points, 20_000, 2500)).max() <= TOLERANCE


def test_known_points():
    inside = [
        [0, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
        [-2, 0],
        [0.25, 0],
        [-0.75, 0],
        [-0.12, 0.75],
        [-1.75, 0.001],
        [-1.9, 0],
    ]
    assert np.isinf(escape_count(np.array(inside, float))).all()
    outside = [[0.2501, 0], [-2.0000001, 0], [3, 4], [0.25, 0.6], [-0.75, 0.01], [0, 1.0001]]
    assert np.isfinite(escape_count(np.array(outside, float))).all()


def test_far_points_follow_the_formula():
    far = np.array([[1e6, 0.0], [0.0, -1e70], [2.5, 1.0]])
    counts = escape_count(far)
    # |c| is beyond the bailout at once: n = 1.
    assert counts[0] == pytest.approx(2 - math.log2(math.log2(1e6)), abs=1e-12)
    assert counts[1] == pytest.approx(2 - math.log2(math.log2(1e70)), abs=1e-12)
    assert (target(far) >= 0).all()
    assert target(far)[1] == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2 * LARGEST])
def test_points_out_of_range_are_refused(bad):
    for call in (escape_count, target, distance):
        with pytest.raises(ValueError, match="points must"):
            call(np.array([[0.0, 0.0], [bad, 0.0]]))


@pytest.mark.parametrize("shape", [(3,), (3, 3), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        target(np.zeros(shape))


@pytest.mark.parametrize("limit", [0, -1, 2**40])
def test_senseless_limits_are_refused(limit):
    with pytest.raises(ValueError, match="max_iterations"):
        target(np.zeros((1, 2)), max_iterations=limit)


def test_no_points_are_no_trouble():
    assert escape_count(np.empty((0, 2))).shape == (0,)
    assert distance(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize("limit", [1, 2, 5, 15, 16, 17, 31, 47, 48, 49, 64, 100])
def test_small_limits(limit):
    rng = np.random.default_rng(limit)
    points = np.array([-0.75, 0.0]) + 1.5 * rng.uniform(-1, 1, (60, 2))
    want = exact(points, limit)
    assert np.abs(target(points, max_iterations=limit) - want).max() <= TOLERANCE


def shore(n, seed=3):
    rng = np.random.default_rng(seed)
    return np.array([-0.7463, 0.1102]) + 0.005 * rng.uniform(-1, 1, (n, 2))


def test_conjugate_points_have_the_same_bits():
    points = shore(5000)
    mirrored = points * np.array([1.0, -1.0])
    assert np.array_equal(escape_count(points), escape_count(mirrored))
    assert np.array_equal(distance(points), distance(mirrored))


def test_bits_do_not_depend_on_threads_chunks_or_order(monkeypatch):
    points = shore(20_000)
    want, far = escape_count(points), distance(points)
    order = np.random.default_rng(0).permutation(len(points))
    assert np.array_equal(escape_count(points[order]), want[order])
    monkeypatch.setattr(parallel, "threads", lambda: 7)
    monkeypatch.setattr(parallel, "_CHUNK", 999)
    monkeypatch.setattr(parallel, "_SMALL_CHUNK", 333)
    assert np.array_equal(escape_count(points), want)
    assert np.array_equal(distance(points), far)
    singly = np.array([escape_count(points[index : index + 1])[0] for index in range(200)])
    assert np.array_equal(singly, want[:200])


def test_counts_are_the_same_with_and_without_distances():
    points = shore(5000)
    counts = escape_count(points)
    both = escapes(points)
    assert np.array_equal(both.count, counts)
    assert np.array_equal(both.distance, distance(points))
    assert np.array_equal(np.isinf(counts), both.distance == 0)


def test_the_caller_s_array_may_be_anything_like_an_array():
    points = shore(100)
    want = escape_count(points)
    assert np.array_equal(escape_count(np.asfortranarray(points)), want)
    assert np.array_equal(escape_count(np.repeat(points, 2, axis=0)[::2]), want)
    assert np.array_equal(escape_count(points.tolist()), want)


@pytest.mark.costly
def test_distance_against_a_search_for_the_nearest_inside_point():
    """The true distance lies between about a half and twice the estimate."""
    side = 600
    axis_r, axis_i = np.linspace(-0.2, 0.0, side), np.linspace(0.6, 0.8, side)
    grid = np.stack(np.meshgrid(axis_r, axis_i), axis=-1).reshape(-1, 2)
    counts = escape_count(grid, max_iterations=5000)
    inside = grid[np.isinf(counts)]
    rng = np.random.default_rng(1)
    outside = grid[np.isfinite(counts)]
    chosen = outside[rng.permutation(len(outside))[:400]]
    estimate = distance(chosen, max_iterations=5000)
    step = axis_r[1] - axis_r[0]
    central = (np.abs(chosen - np.array([-0.1, 0.7])) + 2.2 * estimate[:, None] < 0.1).all(axis=1)
    seen = central & (estimate > 4 * step)
    assert seen.sum() > 30
    nearest = np.sqrt(((chosen[seen][:, None, :] - inside[None]) ** 2).sum(axis=2).min(axis=1))
    # Inside points thinner than the grid are missed, so the search may find too much, never less than there
    # is.
    assert (nearest >= 0.49 * estimate[seen]).all()
    assert np.median(nearest / estimate[seen]) < 2.0


def test_squash():
    assert squash(np.array([0.0, 50.0, -3.0, np.inf])).tolist() == [0.0, 0.5, 0.0, 1.0]


def test_plain_counts_are_near_and_may_err_where_orbits_magnify_roundings():
    points = shore(5000)
    exact_counts, plain = escape_count(points), escape_count(points, exact=False)
    apart = np.abs(squash(exact_counts) - squash(plain))
    assert np.median(apart) < 1e-12
    assert np.mean(apart > TOLERANCE) < 0.1
    # Else nobody would need the other.
    assert apart.max() > TOLERANCE
    few = points[(apart > TOLERANCE) & (exact_counts < 4000)][:20]
    assert np.abs(target(few) - exact(few, 5000, 400)).max() <= TOLERANCE


def test_plain_counts_call_no_point_inside_that_escapes():
    """Of the base window, where nearly all orbits are short and doubles are enough."""
    points = np.array([-0.75, 0.0]) + 2 * np.random.default_rng(6).uniform(-1, 1, (50_000, 2))
    apart = np.abs(squash(escape_count(points)) - squash(escape_count(points, exact=False)))
    assert np.mean(apart > TOLERANCE) < 1e-3
    assert apart.max() < 0.1


@pytest.mark.parametrize("n", [1, 7, 8, 9, 511, 512, 513, 1025])
def test_every_number_of_points_is_counted(n):
    """The last lanes of a vector, a batch and a state are as good as the first."""
    points = shore(1025, 9)
    assert escape_count(points[:n]).tobytes() == escape_count(points)[:n].tobytes()
    assert distance(points[-n:]).tobytes() == distance(points)[-n:].tobytes()
