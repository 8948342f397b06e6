"""Proofs of the target hold the value that hundreds of bits of gmpy2 give, and refuse any other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.mandelbrot.certificate import PRECISION, prove
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE
from challenge.scoring.verification import points_digest, proved_points
from tests.support import oracle

LIMIT = 2_000


@pytest.mark.costly
@settings(max_examples=150, deadline=None)
@given(st.floats(-2.2, 1), st.floats(-1.3, 1.3))
def test_the_interval_is_narrow_and_holds_the_exact_value(re, im):
    found = prove(re, im, LIMIT)
    exact = oracle.target(oracle.count(re, im, LIMIT, 3_000))
    # The oracle's last step is a double's.
    assert found.low - 1e-15 <= exact <= found.high + 1e-15
    assert 0 <= found.high - found.low <= 2 * PRECISION + 1e-15
    assert found.holds(exact)
    assert not found.holds(exact + 1.1e-9)
    assert not found.holds(math.nan)


@pytest.mark.parametrize("point", [(5e-324, 1.0), (-1.9, 1e-200), (-2.0, 1e-300), (-0.74520439, 0.10794001)])
def test_points_that_need_many_bits_are_proved(point):
    found = prove(*point, 20_000)
    assert found.holds(oracle.target(oracle.count(*point, 20_000, 4_000)), 1e-12)


def test_inside_is_proved_for_every_step_to_the_limit():
    assert prove(-0.12, 0.75, LIMIT) == prove(0.0, 0.0, LIMIT)
    assert (prove(-2.0, 0.0, LIMIT).low, prove(-2.0, 0.0, LIMIT).steps) == (1.0, LIMIT)
    # One step before the limit it escapes.
    steps = prove(-0.75, 0.01, LIMIT).steps
    assert prove(-0.75, 0.01, steps).high < 1
    assert prove(-0.75, 0.01, steps - 1).low == 1


@pytest.mark.costly
def test_the_set_s_truth_is_proved_and_errors_are_found():
    views = evaluation_set(PRACTICE, EvaluationSize(2, 32, 16))
    calls = []
    proved = proved_points(PRACTICE, views, 25, calls.append)
    assert calls == list(range(1, 26))
    assert all(point.holds and point.gap < 1e-9 for point in proved)
    assert len({point.place for point in proved}) == 25
    assert [p.place for p in proved_points(PRACTICE, views, 5)] == [p.place for p in proved[:5]]
    place = proved[3].place
    views.truth[place] += 1.5e-9
    assert [point.place for point in proved_points(PRACTICE, views, 25) if not point.holds] == [place]


def test_the_digest_follows_the_points_alone():
    views = evaluation_set(PRACTICE, EvaluationSize(2, 3, 4))
    digest = points_digest(views)
    views.truth[:] = 0
    assert points_digest(views) == digest
    views.points[1, 2, 3, 0] = np.nextafter(views.points[1, 2, 3, 0], 9)
    assert points_digest(views) != digest
