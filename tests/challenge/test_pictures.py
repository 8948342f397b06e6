import io

import numpy as np
import pytest
from PIL import Image

from challenge.imaging.pictures import (
    GAP,
    INTERIOR,
    NOT_FINITE,
    downsample,
    error_image,
    model_image,
    png_bytes,
    triptych,
    truth_image,
    truth_values,
    value_image,
    view_scale,
)
from challenge.scoring.places import PLACES, find_place

PLACE = find_place("seahorse-valley")


def pixels(picture):
    return np.asarray(picture).astype(int)


@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.slug)
def test_the_deepest_view_is_as_colourful_as_the_first(place):
    for octave in (place.octaves[0], place.octaves[-1]):
        assert pixels(truth_image(place, octave, 64)).std(axis=(0, 1)).max() > 30


def test_a_perfect_model_looks_like_the_truth_and_has_no_error():
    truth = truth_values(PLACE, 6, 48)
    assert np.array_equal(pixels(model_image(truth, truth)), pixels(truth_image(PLACE, 6, 48)))
    error = pixels(error_image(truth, truth))
    assert np.ptp(error.reshape(-1, 3), axis=0).max() == 0
    assert error.max() < 10


def test_the_set_has_a_colour_of_its_own():
    truth = truth_values(PLACE, 4, 48)
    shown = pixels(truth_image(PLACE, 4, 48)).reshape(-1, 3)
    assert (truth == 1).any()
    assert (shown[truth == 1] == INTERIOR).all()
    assert (shown[truth < view_scale(truth).high] != INTERIOR).any(axis=1).all()


def test_an_error_as_large_as_the_structure_is_full_whatever_the_octave():
    for octave in (3, 18):
        truth = truth_values(PLACE, octave, 32)
        deviation = view_scale(truth).deviation
        # Away from the ends of [0, 1], where a prediction is clipped.
        wrong = np.where(truth > 0.5, truth - deviation, truth + deviation)
        full = pixels(error_image(truth, wrong))
        assert (full == full[0, 0]).all()
        assert full[0, 0].sum() > 600


def test_what_is_not_finite_is_magenta_and_fully_wrong():
    truth = truth_values(PLACE, 5, 16)
    prediction = truth.copy()
    prediction[:3] = np.nan, np.inf, -np.inf
    assert (pixels(model_image(truth, prediction))[0, :3] == NOT_FINITE).all()
    assert pixels(error_image(truth, prediction))[0, :3].sum(axis=1).min() > 600


def test_views_without_any_structure_have_a_picture_too():
    for value in (0.25, 1.0):
        flat = np.full(16 * 16, value)
        assert triptych(flat, flat).size == (3 * 16 + 2 * GAP, 16)


def test_png_and_shrinking():
    picture = truth_image(PLACE, 8, 64)
    small = downsample(picture, 2)
    assert small.size == (32, 32)
    again = Image.open(io.BytesIO(png_bytes(small)))
    assert np.array_equal(pixels(again), pixels(small))
    palette = png_bytes(picture, colours=128)
    assert len(palette) < 0.6 * len(png_bytes(picture))
    near = pixels(Image.open(io.BytesIO(palette)).convert("RGB"))
    assert np.abs(near - pixels(picture)).mean() < 6


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match="needs n\\^2 values"):
        value_image(np.zeros(15), view_scale(np.zeros(15)))
    with pytest.raises(ValueError, match="no colour map 'twilite'"):
        truth_image(PLACE, 3, 4, "twilite")
