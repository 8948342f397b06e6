"""Answers that wait for a later stage."""

import numpy as np
import pytest

from evaluator.answers import Measured
from evaluator.kept_predictions import KeptPredictions


def measured(seed):
    answers = np.random.default_rng(seed).normal(size=(2, 3, 4))
    answers[0, 0, 0] = np.nan
    return Measured(answers, loaded=7, batch_difference=0.25, per_second=10.0, device="cpu")


def test_they_come_back_once_and_as_they_were():
    kept = KeptPredictions()
    kept.keep(1, measured(1))
    kept.keep(2, measured(2))
    found = kept.take(1)
    np.testing.assert_array_equal(found.prediction, measured(1).prediction)
    assert (found.loaded, found.batch_difference, found.per_second, found.device) == (7, 0.25, 10.0, "cpu")
    assert kept.take(1) is None
    np.testing.assert_array_equal(kept.take(2).prediction, measured(2).prediction)


def test_the_oldest_are_dropped():
    kept = KeptPredictions(most=2)
    for number in range(4):
        kept.keep(number, measured(number))
    assert [number for number in range(4) if kept.take(number) is not None] == [2, 3]


@pytest.mark.parametrize("again", [0, 9])
def test_a_later_one_takes_the_place_of_an_earlier_one(again):
    kept = KeptPredictions()
    kept.keep(1, measured(5))
    kept.keep(1, measured(again))
    np.testing.assert_array_equal(kept.take(1).prediction, measured(again).prediction)
