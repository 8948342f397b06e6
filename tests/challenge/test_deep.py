import math
from decimal import Decimal, getcontext

import numpy as np
import pytest

from challenge.imaging.deep_places import DEEP_PLACES
from challenge.mandelbrot import deep_zoom
from challenge.mandelbrot.coordinates import View
from challenge.mandelbrot.target import escape_count
from tests.support import oracle

getcontext().prec = 200
SIDE = 96
LIMIT = 8_000


def misiurewicz(gmpy2, start, before, period, bits):
    """A point of the border with structure at every depth, in so many bits: its orbit falls on a cycle."""
    with gmpy2.context(precision=bits):
        c = gmpy2.mpc(start)
        for _ in range(60):
            z = d = gmpy2.mpc(0)
            saved = (z, d)
            for n in range(before + period):
                if n == before:
                    saved = (z, d)
                d, z = 2 * z * d + 1, z * z + c
            step = (z - saved[0]) / (d - saved[1])
            c -= step
            if abs(step) < gmpy2.mpfr(2) ** (20 - bits):
                break
        digits = int(bits * 0.3)
        return f"{c.real:.{digits}f}", f"{c.imag:.{digits}f}"


def direct(centre, octave, place):
    gmpy2 = oracle.gmpy2
    with gmpy2.context(precision=octave + 160):
        span = gmpy2.mpfr(2) ** (2 - octave)
        row, column = place
        re = gmpy2.mpfr(centre[0]) + span * ((column + gmpy2.mpfr("0.5")) / SIDE - gmpy2.mpfr("0.5"))
        im = gmpy2.mpfr(centre[1]) - span * ((row + gmpy2.mpfr("0.5")) / SIDE - gmpy2.mpfr("0.5"))
        return oracle.count(re, im, LIMIT, octave + 160)


PLACES = {"spiral": ("-0.77568377+0.13646737j", 24, 2), "star": ("-0.10109636384562+0.95628651080914j", 4, 1)}


@pytest.mark.costly
@pytest.mark.parametrize("octave", [60, 300])
@pytest.mark.parametrize("name", PLACES)
def test_deep_pixels_agree_with_high_precision(name, octave):
    centre = misiurewicz(oracle.gmpy2, *PLACES[name], octave + 120)
    picture = deep_zoom.render(centre, octave, SIDE, LIMIT)
    places = np.random.default_rng(octave).integers(0, SIDE, (50, 2)).tolist()
    want = np.array([direct(centre, octave, place) for place in places])
    got = np.array([picture[row, column] for row, column in places])
    assert np.isfinite(want).sum() > 25
    assert np.array_equal(np.isinf(got), np.isinf(want))
    finite = np.isfinite(want)
    error = np.abs(got[finite] - want[finite])
    # The few pixels nearest to the set magnify every rounding.
    assert np.median(error) < 1e-8
    assert error.max() < 1e-3
    # A picture, and not one flat colour.
    assert np.ptp(picture[np.isfinite(picture)]) > 1


@pytest.mark.costly
def test_shallow_windows_agree_with_the_target():
    centre = ("-0.743643887", "0.131825904")
    picture = deep_zoom.render(centre, 6, 64, 2000)
    want = escape_count(View((-0.743643887, 0.131825904), 6).grid(64), max_iterations=2000).reshape(64, 64)
    finite = np.isfinite(want) & np.isfinite(picture)
    assert (np.isfinite(want) == np.isfinite(picture)).mean() > 0.999
    assert np.median(np.abs(picture[finite] - want[finite])) < 1e-9


def test_windows_that_are_all_inside_or_all_outside():
    assert np.isinf(deep_zoom.render(("0", "0"), 10, 8, 500)).all()
    assert np.isfinite(deep_zoom.render(("1", "1"), 10, 8, 500)).all()


def test_pixels_are_square_in_a_wide_picture():
    wide = deep_zoom.render(("-0.5", "0"), 2, (30, 60), 300)
    square = deep_zoom.render(("-0.5", "0"), 2, (60, 60), 300)
    assert wide.shape == (30, 60)
    assert np.allclose(wide, square[15:45], equal_nan=True, rtol=0, atol=1e-9)


# The second one, beside a nucleus, comes back to within 2^-60 of 0 after 936 steps.
BESIDE = Decimal(DEEP_PLACES[2].centre[0]) + Decimal(2) ** -131, DEEP_PLACES[2].centre[1]


@pytest.mark.parametrize(
    ("center", "octave", "steps"),
    [(("-0.77568377", "0.13646737"), 50, 300), (tuple(map(str, BESIDE)), 130, 1000)],
)
def test_the_reference_orbit_is_the_centre_s(center, octave, steps):
    got = deep_zoom.reference(deep_zoom.parse(center), octave, steps)
    with oracle.gmpy2.context(precision=500):
        c, z = oracle.gmpy2.mpc(*map(oracle.gmpy2.mpfr, center)), oracle.gmpy2.mpc(0)
        for value in got:
            assert abs(complex(z) - value) <= 2e-15 * abs(value)
            z = z * z + c
    assert len(got) == steps + 1


@pytest.mark.parametrize("centre", [("x", "0"), ("nan", "0"), ("1/0", "0"), ("3", "0")])
def test_a_centre_that_is_none_is_refused(centre):
    with pytest.raises(ValueError):
        deep_zoom.render(centre, 10, 4, 10)


@pytest.mark.parametrize(
    ("octave", "pixels", "limit"), [(-1, 4, 10), (1000, 4, 10), (math.nan, 4, 10), (1, 0, 10), (1, 4, 0)]
)
def test_numbers_out_of_range_are_refused(octave, pixels, limit):
    with pytest.raises(ValueError):
        deep_zoom.render(("0", "0"), octave, pixels, limit)
