import numpy as np

from challenge.scoring.chains import Values, draw_views


class Disc:
    """The unit square around a disc of known radius: distances are known."""

    centre = (0.2, 0.1)
    half_width = 0.5

    def __init__(self, radius):
        self.radius = radius

    def evaluate_views(self, points, centres, width):
        assert (np.abs(points - centres[:, None]) <= width / 2).all()
        away = np.hypot(*np.moveaxis(points - np.array(self.centre), -1, 0)) - self.radius
        return Values(np.clip(1 - away, 0, 1), np.maximum(away, 0.0))


def _generators(n):
    return [np.random.default_rng(index) for index in range(n)]


def test_views_halve_lie_in_the_square_and_close_in_on_the_border():
    disc = Disc(0.15)
    views = draw_views(disc, _generators(6), octaves=20, points=64)
    for octave in range(20):
        half = 0.5 * 2.0**-octave
        assert (np.abs(views.points[:, octave] - views.centres[:, octave, None]) <= half).all()
        assert (np.abs(views.points[:, octave] - np.array(disc.centre)) <= 0.5).all()
        if octave:
            away = np.hypot(*(views.centres[:, octave] - np.array(disc.centre)).T) - 0.15
            assert (away > 0).all()
            assert (away <= half).all()


def test_the_shore_is_nearer_to_the_inside_than_the_rest():
    views = draw_views(Disc(0.15), _generators(40), octaves=6, points=64)
    away = np.hypot(*(views.centres[:, 5] - np.array(Disc.centre)).T) - 0.15
    assert np.median(away[1::2]) < np.median(away[::2])


def test_where_nothing_is_near_the_nearest_point_is_followed_and_where_all_is_inside_nothing():
    lonely = draw_views(Disc(1e-9), _generators(1), octaves=2, points=8)
    first = np.hypot(*(lonely.points[0, 0] - np.array(Disc.centre)).T)
    assert np.array_equal(lonely.centres[0, 1], lonely.points[0, 0][first.argmin()])
    full = draw_views(Disc(5.0), _generators(2), octaves=3, points=8)
    assert (full.centres == np.array(Disc.centre)).all()


def test_a_chain_does_not_depend_on_the_others():
    few = draw_views(Disc(0.15), _generators(2), octaves=5, points=16)
    many = draw_views(Disc(0.15), _generators(5), octaves=5, points=16)
    assert np.array_equal(few.points, many.points[:2])


def test_a_chain_drawn_apart_is_the_same_shore_or_not():
    all_of_them = draw_views(Disc(0.15), _generators(5), octaves=5, points=16)
    for first in (1, 2):
        some = draw_views(Disc(0.15), _generators(5)[first:], octaves=5, points=16, first=first)
        assert np.array_equal(some.points, all_of_them.points[first:])
        assert np.array_equal(some.centres, all_of_them.centres[first:])
