import re

import numpy as np
import pytest

from challenge.mandelbrot.coordinates import to_unit
from challenge.mandelbrot.target import target
from challenge.scoring.places import PLACES, find_place

# Structure thins out with depth; the shallowest place at its deepest octave still has this much.
STRUCTURE = 0.008

VIEWS = [
    pytest.param(place, octave, id=f"{place.slug}-{octave}") for place in PLACES for octave in place.octaves
]


@pytest.mark.parametrize(("place", "octave"), VIEWS)
def test_every_octave_of_every_place_shows_structure_inside_the_base_window(place, octave):
    points = place.view(octave).grid(32)
    assert np.abs(to_unit(points)).max() <= 1
    t = target(points, max_iterations=5000)
    assert t.std() > STRUCTURE
    # Not one bright corner: something happens in at least three quarters of the view.
    quarters = t.reshape(2, 16, 2, 16).std(axis=(1, 3)).ravel()
    assert (quarters > 0.05 * t.std()).sum() >= 3


def test_places_are_named_once_in_words_that_fit_a_path():
    slugs = [place.slug for place in PLACES]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in slugs)
    assert all(place.octaves.step == 1 and place.sentence.endswith(".") for place in PLACES)
    assert max(place.octaves[-1] for place in PLACES) >= 24


def test_a_place_is_found_by_its_slug_and_a_wrong_slug_names_the_right_ones():
    assert find_place("spiral").name == "Spiral"
    with pytest.raises(KeyError, match="seahorse-valley, elephant-valley"):
        find_place("sea-horse")
