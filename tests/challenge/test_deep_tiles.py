from fractions import Fraction

import numpy as np
import pytest

from challenge.imaging.deep_places import DEEP_PLACES
from challenge.imaging.deep_tiles import DEEPEST, LIMITS, DeepTile, truth_values
from challenge.imaging.tiles import SIDE, Tile
from tests.support import oracle

LEFT, TOP, WIDTH = Fraction(-11, 4), Fraction(2), Fraction(4)
CYCLES = {"deep-spiral": (24, 2), "deep-star": (4, 1), "deep-minibrot": (0, 936)}


def around(octave, centre):
    """The tile of an octave that holds a point, in exact arithmetic."""
    re, im = map(Fraction, centre)
    size = WIDTH / 2**octave
    return DeepTile(octave, int((re - LEFT) // size), int((TOP - im) // size))


def pixel(tile, row, column):
    """The centre of a pixel, exactly."""
    size = WIDTH / 2**tile.octave
    return (
        LEFT + size * (tile.x + Fraction(2 * column + 1, 2 * SIDE)),
        TOP - size * (tile.y + Fraction(2 * row + 1, 2 * SIDE)),
    )


@pytest.mark.parametrize("octave", [41, 97, DEEPEST])
def test_pixels_are_exact_differences_from_the_shared_centre(octave):
    tile = around(octave, DEEP_PLACES[0].centre)
    size = WIDTH / 2 ** (octave - 2)
    shared = LEFT + size * ((tile.x >> 2) + Fraction(1, 2)), TOP - size * ((tile.y >> 2) + Fraction(1, 2))
    found = tile.differences()
    for row, column in ((0, 0), (255, 255), (17, 203)):
        re, im = pixel(tile, row, column)
        assert Fraction(found[row, column].real) == re - shared[0]
        assert Fraction(found[row, column].imag) == im - shared[1]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("place", "octave"), [(DEEP_PLACES[0], 41), (DEEP_PLACES[1], DEEPEST), (DEEP_PLACES[2], 130)]
)
def test_values_agree_with_high_precision(place, octave):
    """Around the minibrot too, where the reference comes to within 2^-60 of 0 and is no nucleus."""
    tile = around(octave, place.centre)
    tile = DeepTile(octave, tile.x + 1, tile.y - 1)
    values = truth_values(tile).reshape(SIDE, SIDE)
    gmpy2 = oracle.gmpy2
    for row, column in np.random.default_rng(octave).integers(0, SIDE, (12, 2)).tolist():
        re, im = pixel(tile, row, column)
        bits = octave + 200
        with gmpy2.context(precision=bits):
            point = [gmpy2.mpfr(part.numerator) / part.denominator for part in (re, im)]
        mu = oracle.count(*point, tile.limit, bits)
        assert values[row, column] == pytest.approx(mu / (mu + 50), abs=1e-8)
    assert values.std() > 0


@pytest.mark.costly
def test_neighbours_with_different_references_meet_without_a_seam():
    tile = around(130, DEEP_PLACES[2].centre)
    border = (tile.x >> 2) << 2
    left, right = (truth_values(DeepTile(130, x, tile.y)).reshape(SIDE, SIDE) for x in (border - 1, border))
    step = np.median(np.abs(left[:, -1] - left[:, -2]))
    assert np.median(np.abs(left[:, -1] - right[:, 0])) < 3 * step


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((301, 0, 0), "octave must lie in 0 .. 300, not 301"),
        ((41, 1 << 41, 0), r"at octave 41, x must lie in 0 .. 2\^41 - 1"),
        ((41, 0, -1), r"at octave 41, y must lie in 0 .. 2\^41 - 1"),
        ((41, 0, 0, 30_000), f"limit must be one of {LIMITS[0]}, {LIMITS[1]}, {LIMITS[2]}, not 30000"),
    ],
)
def test_what_lies_outside_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        DeepTile(*values)


def test_no_octave_is_left_out_or_drawn_twice():
    Tile(40, 0, 0)
    DeepTile(41, 0, 0)
    with pytest.raises(ValueError):
        Tile(41, 0, 0)
    with pytest.raises(ValueError):
        DeepTile(40, 0, 0)


@pytest.mark.parametrize("place", DEEP_PLACES, ids=lambda place: place.slug)
def test_the_digits_of_a_place_are_those_of_a_point_with_structure(place):
    """Its orbit falls into a cycle, to within what its deepest octave shows."""
    gmpy2 = oracle.gmpy2
    before, period = CYCLES[place.slug]
    with gmpy2.context(precision=1000):
        c, z = gmpy2.mpc(*map(gmpy2.mpfr, place.centre)), gmpy2.mpc(0)
        slope, found = gmpy2.mpc(0), []
        for n in range(before + period + 1):
            if n in {before, before + period}:
                found.append((z, slope))
            slope, z = 2 * z * slope + 1, z * z + c
        (first, first_slope), (last, last_slope) = found
        # Newton's step: how far the point with that cycle is.
        off = abs((last - first) / (last_slope - first_slope))
        assert off < gmpy2.mpfr(2) ** (-place.octaves[-1] - 10)
