import hashlib
import math
from dataclasses import replace

import gmpy2
import numpy as np
import pytest

from challenge.mandelbrot import exact_orbits
from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import escapes, squash, target
from challenge.scoring.evaluation_set import EvaluationSize
from challenge.scoring.season import PRACTICE, Season
from challenge.targets import (
    KINDS,
    draw_target,
    draws,
    practice_cache,
    target_views,
    training_samples,
)
from challenge.targets.kernels import escape as kernels
from challenge.targets.kernels import warp as warp_kernel
from challenge.targets.maps import EscapeMap
from challenge.targets.recolouring import FLATTEST, STEEPEST, Recolouring, draw_recolouring
from challenge.targets.roughness import COARSEST, LAYERS, Roughness, draw_roughness
from challenge.targets.target import Target, Window
from challenge.targets.warp import draw_warp
from challenge.util import cache

SMALL = EvaluationSize(chains=2, points=12)
IDENTITY = Recolouring((1.0, 1.0))
# One of each family, with structure; the last two are drawn as a season's are.
MAPS = {
    "multibrot": EscapeMap("", (0j, 0j)),
    "tricorn": EscapeMap("", (0j,), conjugate=True),
    "multicorn": EscapeMap("", (0j, 0j, 0j), conjugate=True),
    "julia": EscapeMap("", (complex(-0.7435, 0.1315),), dynamical=True),
    "quartic plane": draws._polynomial(np.random.default_rng(0)),
    "quintic julia": draws._polynomial(np.random.default_rng(3)),
}


def exact(map_, x, y, bits=640):
    """The smooth count in hundreds of bits, by gmpy2's complex numbers: no code of ours."""
    with gmpy2.context(precision=bits):
        c = gmpy2.mpc(float(x), float(y))
        z = gmpy2.mpc(map_.start)
        if map_.dynamical:
            z, c = c, gmpy2.mpc(0)
        coefficients = [gmpy2.mpc(a) for a in map_.coefficients]
        for n in range(1, map_.limit + 1):
            w = z.conjugate() if map_.conjugate else z
            z = w**map_.degree + sum((a * w**k for k, a in enumerate(coefficients)), c)
            squared = gmpy2.norm(z)
            if squared > 2**32:
                return float(n + 1 - gmpy2.log(gmpy2.log2(squared) / 2) / gmpy2.log(map_.degree))
    return math.inf


def seen(map_, seed=0):
    """A target of a map, and points of all octaves in the plane."""
    generator = np.random.default_rng(seed)
    target_ = Target(
        "test",
        map_,
        draws._window(map_, generator),
        draw_warp(generator, 0.25),
        draw_roughness(generator, 0.25),
        draw_recolouring(generator),
    )
    return target_, target_views(PRACTICE, target_, SMALL)


@pytest.mark.costly
def test_the_maps_are_what_they_are_called():
    planes = [draws._polynomial(np.random.default_rng(seed)) for seed in range(20)]
    assert {m.degree for m in planes} == {3, 4, 5}
    assert {m.dynamical for m in planes} == {True, False}
    for plane in planes:
        if not plane.dynamical:
            derivative = plane.degree * plane.start ** (plane.degree - 1) + sum(
                k * a * plane.start ** (k - 1) for k, a in enumerate(plane.coefficients) if k
            )
            assert abs(derivative) < 1e-9


@pytest.mark.costly
@pytest.mark.parametrize("name", MAPS)
def test_counts_are_exact_in_every_octave(name):
    map_ = replace(MAPS[name], limit=1000)
    target_, views = seen(map_)
    unit = views.points.reshape(-1, 2)
    plane = target_.plane(unit)
    truth = squash(np.array([exact(map_, *point) for point in plane]))
    assert np.abs(squash(map_.escapes(plane).count) - truth).max() <= 8e-10
    assert np.abs(target_.values(unit) - target_.recolouring(truth)).max() <= 1e-9
    assert np.array_equal(views.truth.ravel(), target_.values(unit))


@pytest.mark.costly
@pytest.mark.parametrize("name", MAPS)
def test_each_way_of_counting_agrees_with_hundreds_of_bits(name):
    map_ = replace(MAPS[name], limit=300)
    target_, views = seen(map_, seed=1)
    plane = np.ascontiguousarray(target_.plane(views.points[:, ::3].reshape(-1, 2))[::2])
    truth = np.array([exact(map_, *point) for point in plane])
    a = np.array([(c.real, c.imag) for c in map_.coefficients])
    rest = (map_.conjugate, a, map_.dynamical, (map_.start.real, map_.start.imag), map_.limit)
    distances = []
    for way in (kernels.escape, kernels.escape_doubled):
        mu, distance, state = np.empty(len(plane)), np.empty(len(plane)), np.empty(len(plane), np.uint8)
        way(plane, *rest, mu, distance, state)
        sure = state == kernels.DONE
        assert np.abs(squash(mu[sure]) - squash(truth[sure])).max() <= 8e-10
        distances.append(distance)
    assert sure.mean() > 0.9  # of sums of two doubles
    for place in range(0, len(plane), 7):
        mu, distance = map_._settled(*plane[place])
        assert mu == pytest.approx(truth[place], abs=1e-11)
        if sure[place]:
            assert distance == pytest.approx(distances[1][place], rel=1e-6)


def test_z_squared_plus_c_is_the_contract_s_own_target():
    points = to_plane(np.random.default_rng(0).uniform(-1, 1, (20_000, 2)))
    ours, theirs = EscapeMap("", (0j,)).escapes(points), escapes(points, max_iterations=5_000)
    assert np.abs(squash(ours.count) - squash(theirs.count)).max() < 1e-9
    outside = theirs.distance > 0
    assert np.array_equal(outside, ours.distance > 0)
    assert np.allclose(ours.distance[outside], theirs.distance[outside], rtol=1e-6)


def test_inside_is_proved_and_not_only_waited_for():
    # The centre of a component of period 3 of the Tricorn, and a Julia set with a fixed point.
    for map_, inside in ((EscapeMap("", (0j,), conjugate=True, limit=10**9), (0.1, 0.05)),
                         (EscapeMap("", (0.1j,), dynamical=True, limit=10**9), (0.3, 0.2))):  # fmt: skip
        assert map_.escapes(np.array([inside])).count[0] == np.inf


def test_an_orbit_on_the_border_needs_integers_and_gets_them():
    # c = -2 is preperiodic: next to it, doubles lose everything.
    map_ = EscapeMap("", (0j,), limit=400)
    point = np.array([[-2.0, 2.0**-120]])
    mu = map_.escapes(point).count[0]
    assert mu == pytest.approx(exact(map_, *point[0]), abs=1e-10)
    assert exact_orbits.escape(exact_orbits.Orbit(0j, -2 + 0j), 400).mu == math.inf


def warped(unit, warp, roughness):
    out = np.empty_like(unit)
    key = np.uint64(roughness.key)
    warp_kernel.warp(unit, warp.waves, warp.phases, warp.amplitudes, key, COARSEST, roughness.heights, out)
    return out


def test_without_roughness_a_warp_in_compiled_code_is_the_warp():
    warp = draw_warp(np.random.default_rng(5))
    unit = np.random.default_rng(6).uniform(-1, 1, (1000, 2))
    unit[:4] = [(1, 1), (-1, 1), (1, -1), (-1, 0.5)]
    out = warped(unit, warp, Roughness(1, 0.0))
    assert np.abs(out - warp(unit)).max() < 1e-14
    assert np.array_equal(out[:3], unit[:3])


def test_roughness_is_one_to_one_and_keeps_the_square():
    smooth, rough = draw_warp(np.random.default_rng(5), 0.25), draw_roughness(np.random.default_rng(1), 0.25)
    generator = np.random.default_rng(2)
    edge = np.stack([np.ones(50), generator.uniform(-1, 1, 50)], axis=1)
    assert (warped(edge, smooth, rough)[:, 0] == 1).all()
    for step in 2.0 ** -np.arange(3, 22, 3):
        unit = generator.uniform(-0.99, 0.99, (4000, 2))
        away = step * 0.01 * (directions := generator.normal(size=(4000, 2)))
        moved = warped(unit + away, smooth, rough) - warped(unit, smooth, rough)
        stretch = np.linalg.norm(moved, axis=1) / np.linalg.norm(away, axis=1)
        assert directions.size
        assert 0.5 <= stretch.min() <= stretch.max() <= 1.5


def test_roughness_has_detail_on_every_scale_that_differs_from_place_to_place():
    still, rough = draw_warp(np.random.default_rng(5), 0.0), draw_roughness(np.random.default_rng(1), 0.25)
    generator = np.random.default_rng(2)
    for layer in range(LAYERS):
        spacing = 2.0 ** -(COARSEST + layer)
        # Second differences across a spacing see its layer above all: the coarser ones are straight.
        unit = generator.uniform(-0.9, 0.9, (2000, 2))
        step = np.array([spacing, 0.0])
        a, b, c = (warped(unit + k * step, still, rough) - (unit + k * step) for k in (-1, 0, 1))
        bend = np.abs(a - 2 * b + c)[:, 0]
        assert 0.05 < np.median(bend) / rough.heights[layer] < 20
        assert np.unique(np.round(bend, 12)).size > 1900
    other = draw_roughness(np.random.default_rng(9), 0.25)
    assert (
        np.corrcoef((warped(unit, still, rough) - unit)[:, 0], (warped(unit, still, other) - unit)[:, 0])[
            0, 1
        ]
        < 0.3
    )


@pytest.mark.parametrize("seed", range(8))
def test_recolourings_rise_within_their_bounds(seed):
    recolouring = draw_recolouring(np.random.default_rng(seed))
    x = np.linspace(0, 1, 5001)
    y = recolouring(x)
    slopes = np.diff(y) / np.diff(x)
    assert FLATTEST - 1e-9 <= slopes.min() <= slopes.max() <= STEEPEST + 1e-9
    assert slopes.max() - slopes.min() > 0.2
    assert (y[0], y[-1]) == pytest.approx((0.0, 1.0), abs=1e-12)
    # The slope is the one that was drawn: smooth, since it is continuous.
    assert np.interp(
        x[2500], np.linspace(0, 1, len(recolouring.slopes)), recolouring.slopes
    ) == pytest.approx(slopes[2500], abs=1e-2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.costly
def test_a_season_s_targets(kind):
    season = Season("one", hashlib.sha256(b"one").digest())
    one, again = draw_target(season, kind), draw_target(season, kind)
    other = draw_target(PRACTICE, kind)
    few, many = training_samples(season, one, 500), training_samples(season, again, 600)
    assert np.array_equal(few.x, many.x[:500])
    assert np.array_equal(few.t, many.t[:500])
    assert np.abs(few.x).max() <= 1
    assert few.t.min() >= 0
    assert few.t.max() <= 1
    assert few.t.std() > 0.05
    assert not np.allclose(few.t, other.values(few.x), atol=0.01)
    views = target_views(season, one, SMALL)
    assert (views.truth.std(axis=2).mean(axis=0) > 1e-3).all()
    assert np.array_equal(views.truth[:1], target_views(season, one, replace(SMALL, chains=1)).truth)


def test_the_mandelbrot_target_is_the_warped_and_recoloured_one():
    drawn = draw_target(PRACTICE, "mandelbrot")
    unit = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    smooth = replace(drawn, roughness=Roughness(0, 0.0))
    assert np.allclose(smooth.values(unit), drawn.recolouring(target(to_plane(drawn.warp(unit)))), atol=1e-8)
    apart = np.abs(smooth.plane(unit) - drawn.plane(unit)).max()
    assert 1e-5 < apart < 1e-2


def test_distances_are_those_in_the_coordinates_that_a_model_sees():
    # Around the unwarped set they are known; through a warp they follow its stretching.
    drawn = draw_target(PRACTICE, "mandelbrot")
    unit = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    ours, plane = drawn.evaluate(unit).distance, escapes(drawn.plane(unit)).distance / 2
    outside = plane > 0
    assert np.array_equal(outside, ours > 0)
    ratio = plane[outside] / ours[outside]
    assert 0.5 <= ratio.min() <= ratio.max() <= 1.5
    assert ratio.std() > 0.02


def test_the_practice_season_is_kept_on_disk_and_a_broken_file_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda _: tmp_path)
    drawn = draw_target(PRACTICE, "mandelbrot")
    made, views = practice_cache.practice_data(drawn, 100, SMALL)
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(practice_cache, "training_samples", None)
    read, again = practice_cache.practice_data(drawn, 100, SMALL)
    assert np.array_equal(read.t, made.t)
    assert np.array_equal(again.truth, views.truth)
    monkeypatch.undo()
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda _: tmp_path)
    file.write_bytes(file.read_bytes()[:1000])
    repaired, _ = practice_cache.practice_data(drawn, 100, SMALL)
    assert np.array_equal(repaired.t, made.t)
    blocked = tmp_path / "no folder"
    blocked.write_text("")
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", lambda _: blocked)
    assert np.array_equal(practice_cache.practice_data(drawn, 100, SMALL)[0].t, made.t)


def test_what_shows_no_structure_is_not_taken():
    generators = [np.random.default_rng(i) for i in range(4)]
    rest = (Window((0.0, 0.0), 2.0), draw_warp(generators[0], 0.0), Roughness(0, 0.0), IDENTITY)
    all_escape = EscapeMap("", (9 + 0j,), dynamical=True)
    disc = EscapeMap("", (0j,), dynamical=True)
    assert not draws.structured(Target("test", all_escape, *rest), generators)
    nearly_full = Target("test", disc, Window((0.0, 0.0), 1.05), *rest[1:])
    assert not draws.structured(nearly_full, generators)
    assert draws.structured(Target("test", MAPS["julia"], *rest), generators)
