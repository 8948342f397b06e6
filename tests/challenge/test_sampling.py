import itertools

import numpy as np
import pytest

from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import target
from challenge.training.sampling import sample, sample_batches


def test_a_sample_is_the_target_at_uniform_points():
    x, t = sample(300_000, 1)
    assert x.shape == (300_000, 2)
    assert np.array_equal(t, target(to_plane(x)))
    assert np.abs(x).max() <= 1
    assert np.abs(x.mean(axis=0)).max() < 0.01
    assert np.abs((x**2).mean(axis=0) - 1 / 3).max() < 0.01
    # The area of the set is 1.5066, of the window 16.
    assert (t == 1).mean() == pytest.approx(1.5066 / 16, abs=0.003)


def test_a_seed_gives_the_same_sample_and_another_a_different_one():
    assert np.array_equal(sample(1000, 5)[0], sample(1000, 5)[0])
    assert not np.array_equal(sample(1000, 5)[0], sample(1000, 6)[0])
    assert not np.array_equal(sample(1000)[0], sample(1000)[0])


def test_a_stream_never_repeats_and_begins_like_a_sample():
    first, second = itertools.islice(sample_batches(1000, 5), 2)
    assert np.array_equal(first[0], sample(1000, 5)[0])
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("n", [0, -5])
def test_nothing_is_no_sample(n):
    with pytest.raises(ValueError):
        sample(n)
    with pytest.raises(ValueError):
        next(sample_batches(n))
