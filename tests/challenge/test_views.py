"""Points that share a view: the polynomial of the steps they share, its bound, and the counts that follow."""

import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.mandelbrot import parallel
from challenge.mandelbrot.coordinates import view_width
from challenge.mandelbrot.kernels import lanes, series
from challenge.mandelbrot.target import escapes, squash
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE, Season
from tests.challenge.test_target import misiurewicz, newton
from tests.support import oracle

LIMIT = 3_000
TOLERANCE = 1e-9


def around(centres, width, n, seed=0):
    """Views (views, n, 2) of points, as doubles, around centres (views, 2)."""
    return centres[:, None] + width * (np.random.default_rng(seed).random((len(centres), n, 2)) - 0.5)


def counted(points, centres, width, limit=LIMIT, **options):
    return parallel.escape_views(points, centres, width, limit, with_distance=False, **options)[0]


def exact(points, limit=LIMIT, bits=400):
    return np.array([oracle.target(oracle.count(float(re), float(im), limit, bits)) for re, im in points])


def exact_orbit(re, im, steps, bits=400):
    gmpy2 = oracle.gmpy2
    with gmpy2.context(precision=bits):
        c, z = gmpy2.mpc(re, im), gmpy2.mpc(0)
        for _ in range(steps):
            z = z * z + c
        return z


@pytest.fixture(scope="module")
def views():
    return evaluation_set(PRACTICE, EvaluationSize(chains=8, octaves=32, points=32))


@pytest.mark.parametrize("octave", [6, 12, 18, 24, 31])
def test_the_bound_of_the_shared_steps_is_never_below_the_error(views, octave):
    width = view_width(octave)
    centres = np.ascontiguousarray(views.centres[:, octave])
    radius = width * math.sqrt(0.5) * (1 + 1e-6)
    state = series.shared_steps(centres, radius, 2_000.0)
    worst = 0.0
    for view, centre in enumerate(centres):
        corners = centre + width / 2 * np.array([[-1, -1], [1, 1], [1, -1], [0.3, 0.1], [0, 0]])
        starts = np.empty((len(corners), series.STARTS))
        series.starts(corners, centre, state, view, starts)
        for point, start in zip(corners.tolist(), starts, strict=True):
            bound = math.sqrt(start[series.START_ERROR])
            z = exact_orbit(*point, int(start[series.START_COUNT]))
            error = abs(z - oracle.gmpy2.mpc(start[series.START_ZR], start[series.START_ZI]))
            assert error <= bound
            assert abs(z) <= 2
            worst = max(worst, float(error) / bound)
    # A bound that says nothing would hold as well.
    assert worst > 1e-4


def test_the_derivative_of_the_polynomial_is_the_orbit_s(views):
    width = view_width(24)
    centre = views.centres[0, 24]
    state = series.shared_steps(centre[None], width * 0.71, 2_000.0)
    point = centre + width * np.array([[0.2, -0.3]])
    start = np.empty((1, series.STARTS))
    series.starts(point, centre, state, 0, start)
    c, z, d = complex(*point[0]), 0j, 0j
    for _ in range(int(start[0, series.START_COUNT])):
        d, z = 2 * z * d + 1, z * z + c
    assert complex(start[0, series.START_DR], start[0, series.START_DI]) == pytest.approx(d, rel=1e-5)
    assert state[series.COUNT, 0] > 20


@pytest.mark.costly
def test_points_of_views_are_exact(views):
    """Of octaves at which views share steps, against 400 bits; every inside is inside there too."""
    for octave in (18, 23, 28, 31):
        points, centres = views.points[:, octave], views.centres[:, octave]
        got = squash(counted(points, centres, view_width(octave)))
        assert np.abs(got.ravel() - exact(points.reshape(-1, 2))).max() <= TOLERANCE


@pytest.mark.slow
def test_twenty_thousand_points_of_fresh_views_are_exact():
    season = Season.open("fresh")
    views = evaluation_set(season, EvaluationSize(chains=24, octaves=32, points=64))
    for octave in range(18, 32):
        points = views.points[:, octave]
        got = squash(counted(points, views.centres[:, octave], view_width(octave)))
        assert np.abs(got.ravel() - exact(points.reshape(-1, 2), bits=1000)).max() <= TOLERANCE


@pytest.mark.costly
@settings(max_examples=60, deadline=None)
@given(
    start=st.tuples(st.floats(-2, 0.5), st.floats(-1.2, 1.2)).map(lambda pair: complex(*pair)),
    period=st.integers(1, 40),
    nucleus=st.booleans(),
    octave=st.integers(18, 44),
    seed=st.integers(0, 2**32 - 1),
)
def test_views_at_the_hardest_places_are_exact(start, period, nucleus, octave, seed):
    """Around nuclei, whose orbits pass 0 in every view of them, and around Misiurewicz points."""
    with np.errstate(all="ignore"):
        try:
            centre = newton(start, period) if nucleus else misiurewicz(start, 2 + period // 2, 1 + period % 7)
        except OverflowError:
            return
    if not (math.isfinite(abs(centre)) and abs(centre) < 2.2):
        return
    centres, width = np.array([[centre.real, centre.imag]]), view_width(octave)
    points = around(centres, width, 6, seed)
    points[0, 0] = centres[0]
    got = squash(counted(points, centres, width, 1_500))[0]
    assert np.abs(got - exact(points[0], 1_500, 3_000)).max() <= TOLERANCE


@pytest.mark.costly
def test_bits_do_not_depend_on_the_other_views_or_on_threads(views, monkeypatch):
    octave = 26
    points, centres, width = views.points[:, octave], views.centres[:, octave], view_width(octave)
    want = counted(points, centres, width)
    order = np.random.default_rng(1).permutation(len(points))
    assert np.array_equal(counted(points[order], centres[order], width), want[order])
    assert np.array_equal(counted(points[3:4], centres[3:4], width)[0], want[3])
    assert np.array_equal(counted(points[:, ::-1], centres, width), want[:, ::-1])
    monkeypatch.setattr(parallel, "_SMALL_CHUNK", 40)
    assert np.array_equal(counted(points, centres, width, workers=3), want)


def test_counts_and_distances_are_those_of_scattered_points(views):
    for octave in (3, 20, 31):
        points, centres = views.points[:, octave], views.centres[:, octave]
        count, distance = parallel.escape_views(
            points, centres, view_width(octave), LIMIT, with_distance=True
        )
        alone = escapes(points.reshape(-1, 2), max_iterations=LIMIT)
        assert np.abs(squash(count).ravel() - squash(alone.count)).max() <= TOLERANCE
        assert np.array_equal(np.isinf(count).ravel(), np.isinf(alone.count))
        outside = alone.distance > 0
        assert np.allclose(distance.ravel()[outside], alone.distance[outside], rtol=1e-4)


@pytest.mark.costly
def test_bits_of_shared_steps_do_not_depend_on_the_width_of_a_vector(views, monkeypatch):
    want = series.shared_steps(np.ascontiguousarray(views.centres[:, 24]), view_width(24) * 0.71, 500.0)
    start = np.zeros_like(want)
    start[: series.COUNT] = want[: series.COUNT]
    for shape in ((8, 8), (4, 4), (2, 4)):
        monkeypatch.setattr(lanes, "host_shape", lambda shape=shape: shape)
        follow = series._follow()

        @numba.njit
        def call(state, live, follow=follow):
            follow(state, live, 0, 500.0)

        state = start.copy()
        call(state, len(views.centres))
        assert state[:, : len(views.centres)].tobytes() == want[:, : len(views.centres)].tobytes()


@pytest.mark.parametrize("limit", [1, 7, 8, 40, 100, 333, 2_047, 2_048, 2_049])
def test_every_limit_ends_where_it_says(views, limit):
    """Also those that fall into the shared steps, and those at which a pass is continued by another."""
    points, centres = views.points[:4, 22], views.centres[:4, 22]
    got = squash(counted(points, centres, view_width(22), limit)).ravel()
    assert np.abs(got - exact(points.reshape(-1, 2), limit)).max() <= TOLERANCE


def test_a_view_whose_centre_escapes_at_once_shares_nothing():
    centres = np.array([[1.0, 1.0], [-2.0 - 2.0**-30, 0.0], [-0.1, 0.2]])
    points = around(centres, view_width(20), 5)
    got = squash(counted(points, centres, view_width(20), 500)).ravel()
    assert np.abs(got - exact(points.reshape(-1, 2), 500)).max() <= TOLERANCE
