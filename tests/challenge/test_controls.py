from itertools import islice

import numpy as np
import pytest

from challenge.controls import FAMILIES, draws
from challenge.controls.control import line_skill
from challenge.season import PRACTICE, Season


@pytest.mark.parametrize("family", FAMILIES)
def test_draws_are_scaled_held_out_and_the_seasons_own(family):
    first, second = islice(draws(PRACTICE, family), 2)
    for control in (first, second):
        assert control.x.min() >= -1
        assert control.x.max() <= 1
        assert control.y.min() >= 0
        assert control.y.max() <= 1
        assert control.x.shape == (len(control.y), control.in_features)
        assert control.held_y.shape[1] == control.out_features
        known = {row.tobytes() for row in np.hstack([control.x, control.y])}
        assert not any(row.tobytes() in known for row in np.hstack([control.held_x, control.held_y]))
    assert first.held_x.tolist() == next(draws(PRACTICE, family)).held_x.tolist()
    other = next(draws(Season("other", b"o" * 32), family))
    assert first.x.shape != other.x.shape or not np.array_equal(first.y, other.y)


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_has_skill_one_the_mean_none_and_nan_less(family):
    control = next(draws(PRACTICE, family))
    assert control.skill(control.held_y) == pytest.approx(1)
    assert control.skill(np.full_like(control.held_y, np.nan)) < 0.1
    if control.task == "regression":
        assert control.skill(np.broadcast_to(control.held_y.mean(axis=0), control.held_y.shape)) == (
            pytest.approx(0)
        )


def test_chance_is_zero_for_classes():
    control = next(draws(PRACTICE, "digits"))
    guesses = np.eye(10)[np.random.default_rng(0).integers(0, 10, len(control.held_y))]
    assert abs(control.skill(guesses)) < 0.05


def test_a_line_is_measured_by_least_squares():
    control = next(draws(PRACTICE, "curve"))
    slope, offset = np.polyfit(control.x[:, 0], control.y[:, 0], 1)
    assert line_skill(control) == pytest.approx(control.skill(slope * control.held_x + offset))
