from fractions import Fraction

import numpy as np
import pytest

from challenge.imaging.tiles import (
    DEEPEST,
    MAX_ITERATIONS,
    MOST_BYTES,
    SIDE,
    Tile,
    decode,
    encode,
    truth_values,
)
from challenge.mandelbrot.target import target
from challenge.scoring.places import PLACES

LEFT, TOP, WIDTH = Fraction(-11, 4), Fraction(2), Fraction(4)


def around(octave, re, im):
    """The tile of an octave that holds a point, in exact arithmetic."""
    size = WIDTH / 2**octave
    return Tile(octave, int((Fraction(re) - LEFT) // size), int((TOP - Fraction(im)) // size))


@pytest.mark.parametrize("octave", [0, 1, 7, 23, 31, DEEPEST])
def test_every_pixel_is_where_exact_arithmetic_has_it(octave):
    random = np.random.default_rng(octave)
    last = 2**octave - 1
    for x, y in ((0, 0), (last, last), (last, 0), tuple(int(v) for v in random.integers(0, last + 1, 2))):
        points = Tile(octave, x, y).points()
        assert points.shape == (SIDE * SIDE, 2)
        for row, column in ((0, 0), (255, 255), (17, 203), (128, 0)):
            re, im = points[SIDE * row + column]
            pixel = WIDTH / 2**octave / SIDE
            assert Fraction(float(re)) == LEFT + (SIDE * x + column) * pixel + pixel / 2
            assert Fraction(float(im)) == TOP - (SIDE * y + row) * pixel - pixel / 2


def test_a_tile_is_the_view_of_its_octave_and_its_four_children_cover_it():
    tile = Tile(3, 2, 5)
    grid = tile.points().reshape(SIDE, SIDE, 2)
    child = Tile(4, 5, 10).points().reshape(SIDE, SIDE, 2)
    # Two by two, the child's pixels are those of its parent's right upper quarter.
    means = child.reshape(SIDE // 2, 2, SIDE // 2, 2, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(means, grid[: SIDE // 2, SIDE // 2 :], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("octave", "x", "y", "said"),
    [
        (-1, 0, 0, "octave must lie in 0 .. 40, not -1"),
        (41, 0, 0, "octave must lie in 0 .. 40, not 41"),
        (3, 8, 0, "x must lie in 0 .. 7, not 8"),
        (3, 0, -1, "y must lie in 0 .. 7, not -1"),
    ],
)
def test_what_lies_outside_is_refused(octave, x, y, said):
    with pytest.raises(ValueError, match=said):
        Tile(octave, x, y)


@pytest.mark.parametrize("octave", [2, 12, 24])
def test_the_truth_is_the_target(octave):
    place = next(p for p in PLACES if p.slug == "filament")
    tile = around(octave, *place.centre)
    values = truth_values(tile)
    # Whole tiles take their time with the full limit; a few hundred points say as much.
    some = np.random.default_rng(0).choice(SIDE * SIDE, 400, replace=False)
    expected = target(tile.points()[some])
    late = expected >= MAX_ITERATIONS / (MAX_ITERATIONS + 50)
    np.testing.assert_allclose(values[some][~late], expected[~late], rtol=0, atol=1e-9)
    assert (values[some][late] == 1).all()
    assert np.abs(values[some] - expected).max() < 0.0025


def test_values_come_back_within_half_a_step():
    values = truth_values(around(6, -0.745, 0.113))
    back = decode(encode(values, inside_at=1.0))
    outside = values[values < 1]
    assert ((back == 1) == (values == 1)).all()
    step = (outside.max() - outside.min()) / 65_533
    assert np.abs(back - values).max() <= 0.5001 * step


def test_a_flat_tile_keeps_its_structure():
    values = 0.8312 + 1e-9 * np.random.default_rng(1).random(SIDE * SIDE)
    assert np.abs(decode(encode(values)) - values).max() < 1e-13


@pytest.mark.parametrize("value", [0.0, -3.25, 1e300])
def test_one_value_alone_comes_back_exactly(value):
    assert (decode(encode(np.full(SIDE * SIDE, value))) == value).all()


def test_what_a_model_can_answer_survives():
    values = np.random.default_rng(2).normal(size=SIDE * SIDE)
    values[:4] = np.nan, np.inf, -np.inf, 1.0
    back = decode(encode(values))
    assert np.isnan(back[:3]).all()
    assert np.abs(back[3:] - values[3:]).max() <= (np.ptp(values[4:]) + 1e-9) / 65_533
    extreme = np.where(np.arange(SIDE * SIDE) % 2, 1.7e308, -1.7e308)
    np.testing.assert_allclose(decode(encode(extreme)), extreme, rtol=1e-4)
    assert np.isnan(decode(encode(np.full(SIDE * SIDE, np.nan)))).all()
    noise = encode(np.random.default_rng(3).random(SIDE * SIDE))
    assert len(noise) <= MOST_BYTES


def test_bytes_of_something_else_are_refused():
    good = encode(np.linspace(0, 1, SIDE * SIDE))
    nan = np.float64("nan").tobytes()
    for bad in (
        b"",
        good[:24],
        b"PNG" + good,
        good[:-3],
        good + b"\0",
        b"x" * (MOST_BYTES + 1),
        good[:8] + nan + good[16:],
        good[:8] + good[16:24] + good[8:16] + good[24:],
        good[:24] + encode(np.zeros(SIDE * SIDE))[24:30],
    ):
        with pytest.raises(ValueError):
            decode(bad)
