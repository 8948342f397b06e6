import math

import numpy as np
import pytest

from challenge.scoring.metrics import (
    depth,
    measure,
    paired_interval,
    rank_ranges,
    resampled_means,
    skill_of_views,
)

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.uniform(0.2, 0.8, (8, 4, 50))


def test_truth_itself_is_perfect_and_the_mean_is_worth_nothing():
    perfect = measure(TRUTH, TRUTH)
    assert perfect.octaves == 4
    assert perfect.interval == (4, 4)
    assert perfect.precision_db == 180
    mean = measure(TRUTH, np.broadcast_to(TRUTH.mean(axis=2, keepdims=True), TRUTH.shape))
    assert mean.octaves == pytest.approx(0, abs=1e-12)
    assert mean.depth == 0


def test_skill_is_the_share_of_variance_explained_and_never_negative():
    truth = np.array([0.0, 1.0, 0.0, 1.0])
    assert skill_of_views(truth, np.array([0.25, 0.75, 0.25, 0.75])) == pytest.approx(0.75)
    assert skill_of_views(truth, 1 - truth) == 0


def test_predictions_are_clipped():
    truth = np.array([0.0, 1.0])
    assert skill_of_views(truth, np.array([-5.0, 7.0])) == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_wrong_by_one_even_where_clipping_would_help(bad):
    truth = np.array([0.0, 1.0, 0.5, 0.5])
    prediction = truth.copy()
    prediction[1] = bad
    # MSE 1/4 over a variance of 1/8.
    assert skill_of_views(truth, prediction) == 0
    assert skill_of_views(truth, np.full(4, bad)) == 0


def test_a_model_of_nan_has_no_precision():
    scores = measure(TRUTH, np.full_like(TRUTH, math.nan))
    assert (scores.octaves, scores.precision_db, scores.interval) == (0, 0, (0, 0))


def test_precision_is_psnr_over_octave_zero_alone():
    prediction = TRUTH.copy()
    prediction[:, 0] += 0.01
    prediction[:, 1:] = 0
    assert measure(TRUTH, prediction).precision_db == pytest.approx(40)


def test_depth_is_linear_between_octaves():
    assert depth(np.array([1.0, 0.9, 0.7, 0.3, 0.9])) == pytest.approx(2.5)
    assert depth(np.array([0.4, 0.9])) == 0
    assert depth(np.array([0.9, 0.8])) == 1


def test_the_interval_agrees_with_the_normal_approximation():
    prediction = TRUTH + RANDOM.normal(0, 0.1, TRUTH.shape)
    scores = measure(TRUTH, prediction)
    totals = scores.skill_by_chain.sum(axis=1)
    # Percentiles of the bootstrap use the standard deviation with divisor n.
    half = 1.96 * totals.std() / math.sqrt(len(totals))
    assert scores.interval[0] == pytest.approx(totals.mean() - half, abs=0.3 * half)
    assert scores.interval[1] == pytest.approx(totals.mean() + half, abs=0.3 * half)
    assert scores.octaves == pytest.approx(totals.mean())


def test_pairing_tells_entries_apart_whose_own_intervals_overlap():
    chains = RANDOM.uniform(0.2, 0.6, (64, 4))
    better = chains + 0.01
    assert paired_interval(better, chains)[0] > 0
    assert rank_ranges([chains, better]) == [(2, 2), (1, 1)]


def test_entries_that_differ_by_noise_share_a_range():
    chains = RANDOM.uniform(0.2, 0.6, (64, 4))
    noisy = chains + RANDOM.normal(0, 0.05, chains.shape)
    far = chains - 0.2
    assert rank_ranges([chains, noisy, far]) == [(1, 2), (1, 2), (3, 3)]
    assert rank_ranges([chains]) == [(1, 1)]
    assert rank_ranges([]) == []


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        measure(TRUTH, TRUTH[:, :2])


def test_ranks_are_those_of_every_pairs_interval():
    # Slowly, pair by pair, as the contract says it.
    random = np.random.default_rng(5)
    for count, spread in ((1, 1.0), (25, 0.02), (25, 0.5), (15, 20.0)):
        base = random.normal(8, 1, 64)
        sums = [base + random.normal(spread * random.normal(), 0.3, 64) for _ in range(count)]
        sums += [sums[0].copy(), sums[0] + 1e-9]
        means = [resampled_means(row) for row in sums]
        expected = []
        for own in means:
            ends = [np.quantile(other - own, (0.025, 0.975)) for other in means]
            better = sum(low > 0 for low, _ in ends)
            worse = sum(high < 0 for _, high in ends)
            expected.append((1 + better, len(sums) - worse))
        assert rank_ranges([row[:, None] for row in sums]) == expected
    assert rank_ranges([]) == []
