"""The probes' figures, from answers made by hand."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from sklearn.neighbors import KNeighborsRegressor

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.controls.control import line_skill
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.result_visuals import ResultVisuals
from challenge.scoring.evaluation_set import EvaluationSet
from challenge.scoring.season import PRACTICE
from challenge.targets.warp import draw_warp
from evaluator import probes
from evaluator.probes import (
    capacity,
    case,
    consistency,
    dose,
    plasticity,
    scramble,
    twin,
    weights_match,
)
from evaluator.probes.memory import MemoryBudget
from evaluator.sandbox.limits import Limits

RNG = np.random.default_rng(3)
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


def make_bundle(source=b"", state=None):
    files = {"model.py": source, "weights.safetensors": save(state or {"weight": torch.zeros(65)})}
    return Bundle(Manifest("one", "Ada", "A test."), files)


def made_case(skill, *, start=None, effort=probes.SMALL_EFFORT, bundle=None):
    """A case of as many views as there are skills; truth and answers are noise."""
    skill = np.asarray(skill, dtype=float)
    shape = (*skill.shape, 50)
    points = RNG.uniform(-0.1, 0.1, (*shape, 2))
    views = EvaluationSet(points, RNG.random(shape), np.zeros((*skill.shape, 2)))
    bundle = bundle or make_bundle()
    return probes.Case(bundle, PRACTICE, start, views, RNG.random(shape), 0.0, skill, 65, effort, at_once=2)


def test_same_machine_counts():
    assert weights_match.result(5, 5).passed
    missing = weights_match.result(5, 6)
    assert (missing.passed, missing.figure) == (False, 1.0)
    assert "would pass" in missing.sentence


def test_the_squared_correlation_is_that_of_every_view_over_what_is_finite():
    truth, answers = RNG.random((5, 40)), RNG.normal(size=(5, 40))
    answers[0] = 3 - 20 * truth[0]  # upside down, scaled and shifted
    answers[1] += truth[1]
    answers[2] = 0.25
    answers[3, 10:] = np.nan
    answers[3, 9] = np.inf
    answers[4] = np.nan
    found = scramble.related(truth, answers)
    expected = [np.corrcoef(t[ok], a[ok])[0, 1] ** 2 for t, a, ok in
                [(truth[1], answers[1], slice(None)), (truth[3], answers[3], slice(9))]]  # fmt: skip
    np.testing.assert_allclose(found, [1, expected[0], 0, expected[1], 0], atol=1e-12)
    # However large the numbers are.
    np.testing.assert_allclose(scramble.related(truth, truth * 1e300), 1)
    np.testing.assert_allclose(scramble.related(truth, truth * 1e-200 - 1e-201), 1)
    assert (scramble.related(np.ones((2, 9)), RNG.random((2, 9))) == 0).all()


def test_scramble_decides_by_the_median_over_seeds():
    low, high, all_of_them = scramble.FLAGGED, scramble.REJECTED, np.ones(5)
    honest = scramble.result(np.array([0.1, 1.0, 0.2, 1.0, 0.3]), all_of_them)
    assert (honest.figure, honest.passed, honest.flagged) == (0.3, True, False)
    doubtful = scramble.result(np.full(5, (low + high) / 2), all_of_them)
    assert (doubtful.passed, doubtful.flagged) == (True, True)
    formula = scramble.result(np.full(5, high + 0.01), all_of_them)
    assert (formula.passed, formula.flagged) == (False, False)
    assert "would pass" in formula.sentence
    assert not scramble.result(np.array([math.nan]), np.ones(1)).passed
    nothing = scramble.result(np.empty(0), np.empty(0))
    assert (nothing.figure, nothing.passed, nothing.flagged) == (0.0, True, False)


@pytest.mark.parametrize(
    ("views", "decides"), [(scramble.FEWEST_VIEWS - 1, False), (scramble.FEWEST_VIEWS, True)]
)
def test_scramble_decides_nothing_on_a_handful_of_views(views, decides):
    skill = np.zeros((40, 8))
    skill[:views, 2] = 1.0
    one = made_case(skill)
    truth = {unit.tobytes(): value for unit, value in zip(
        to_unit(one.views.points.reshape(-1, 2)), one.views.truth.reshape(-1), strict=True)}  # fmt: skip

    class Formula:
        def load(self):
            pass

        def predict(self, unit):
            return np.array([[truth[row.tobytes()]] for row in unit])

    found = scramble.run(replace(one, start=lambda bundle: nullcontext(Formula())))
    assert found.result.passed is not decides
    assert found.plot.lines


def test_scramble_flags_whoever_says_nothing_with_other_weights():
    once = scramble.result(np.zeros(5), np.array([0.0, 1, 1, 1, 1]))
    assert (once.passed, once.flagged) == (True, False)
    always = scramble.result(np.zeros(5), np.zeros(5))
    assert (always.passed, always.flagged) == (True, True)
    assert "0%" in always.sentence


def test_scramble_asks_views_that_are_resolved_evenly_from_all_octaves():
    skill = np.zeros((40, 8))
    skill[:, :4], skill[:3, 5] = 1.0, 0.3
    skill[7, 6] = 0.29
    asked = scramble.sampled(made_case(skill, effort=case.Effort(views=30, points=20)))
    assert dict(zip(*np.unique(asked.octave, return_counts=True), strict=True)) == {2: 14, 3: 13, 5: 3}
    assert asked.unit.shape == (30, 20, 2)
    assert asked.truth.shape == asked.trained.shape == (30, 20)
    one = made_case(skill)
    asked = scramble.sampled(one)
    assert len(asked) == 83
    chain, octave = np.argwhere(one.views.truth[:, :, 0] == asked.truth[50, 0])[0]
    assert asked.octave[50] == octave
    np.testing.assert_array_equal(asked.unit[50], to_unit(one.views.points[chain, octave]))
    np.testing.assert_array_equal(asked.trained[50], one.prediction[chain, octave])


def test_a_budget_of_memory_makes_large_jobs_take_turns():
    budget, running, most = MemoryBudget(100), [], []

    def job(size):
        with budget.reserve(size):
            running.append(size)
            most.append(sum(running))
            time.sleep(0.02)
            running.remove(size)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(job, [60, 60, 30, 500, 40, 40]))
    assert max(total for total in most if total < 500) <= 100
    assert all(total == 500 for total in most if total >= 500)


def test_a_place_is_found_back_through_a_warp():
    warp = draw_warp(np.random.default_rng(8))
    unit = np.concatenate([RNG.uniform(-1, 1, (500, 2)), [[1, 1], [-1, 0.3], [0, 0]]])
    np.testing.assert_allclose(warp(twin.inverse(warp, unit)), unit, atol=1e-9)


def escape_count(c):
    """The textbook, in Python's complex numbers; infinite after 3,000 iterations."""
    z = 0j
    for n in range(1, 3001):
        z = z * z + c
        if abs(z) > 2.0**16:
            return n + 1 - math.log2(math.log2(abs(z)))
    return math.inf


def test_twins_share_inputs_and_differ_by_a_warp_of_the_target():
    real, warped = twin.twins(PRACTICE, 1, 4)
    np.testing.assert_array_equal(real.x, warped.x)
    for number, unit, value in zip(range(40), real.x, real.y[:, 0], strict=False):
        mu = escape_count(complex(*(unit * 2 + [-0.75, 0])))
        assert value == pytest.approx(1 if math.isinf(mu) else max(mu, 0) / (max(mu, 0) + 50), abs=1e-6), (
            number
        )
    assert np.abs(real.y - warped.y).mean() > 0.02
    for one in (real, warped):
        assert one.held_x.shape == (twin.OCTAVES, 4, twin.POINTS, 2)
        assert np.abs(one.held_x).max() <= 1
        # Every octave is half as wide as the one before, and has structure of the same kind.
        width = np.ptp(one.held_x, axis=2).mean(axis=(1, 2))
        np.testing.assert_allclose(width, 2 * 2.0 ** -np.arange(twin.OCTAVES), rtol=0.05)
        assert (one.held_y.std(axis=2).mean(axis=1) > 0.03).all()
        assert one.skill(one.held_y) == pytest.approx(np.ones(twin.OCTAVES))
        assert one.skill(np.full_like(one.held_y, np.nan)) == pytest.approx(np.zeros(twin.OCTAVES))


def test_the_twin_compares_with_the_best_of_the_warps():
    alike = twin.result(np.array([0.5, 0.3, 0.45]))
    assert (alike.figure, alike.passed) == (pytest.approx(0.05), True)
    better = twin.result(np.array([0.5, 0.3, 0.5 - twin.MARGIN - 0.01]))
    assert not better.passed
    assert "would pass" in better.sentence
    assert twin.result(np.array([0.1, 0.9, 0.9])).passed
    assert not twin.result(np.array([math.nan, 0.9])).passed


def test_plasticity_asks_for_half_of_what_a_fresh_model_reaches():
    assert plasticity.result(-2.0, 0.41, 0.8).passed
    frozen = plasticity.result(-2.0, -2.0, 0.8)
    assert (frozen.passed, frozen.figure) == (False, pytest.approx(0.0))
    assert "0.40" in frozen.sentence
    assert not plasticity.result(0.39, 0.39, 0.8).passed
    assert not plasticity.result(0.1, 0.39, 0.8).passed
    assert not plasticity.result(-2.0, -3.0, 0.8).passed
    assert not plasticity.result(-2.0, math.nan, 0.8).passed
    nothing = plasticity.result(-2.0, 0.0, 0.05)
    assert (nothing.passed, nothing.figure) == (True, 1.0)


def test_a_slow_learner_that_gets_rid_of_its_error_is_plastic():
    # From an error of 4 to one of 2.8 is a share of 0.3, where a fresh one gets to a skill of 0.4.
    slow = plasticity.result(-3.0, -1.8, 0.4)
    assert (slow.passed, slow.figure) == (True, pytest.approx(0.75))
    assert not plasticity.result(-3.0, -2.3, 0.4).passed


def test_the_other_picture_is_learnable_and_no_line():
    picture = plasticity.picture(PRACTICE)
    assert picture.x.shape == (plasticity.KNOWN, 2)
    assert (
        (picture.y.min(), picture.y.max()) == (0, 1) or picture.held_y.min() == 0 or picture.held_y.max() == 1
    )
    neighbours = KNeighborsRegressor(3).fit(picture.x, picture.y)
    assert picture.skill(neighbours.predict(picture.held_x)) > 0.8
    assert line_skill(picture) < 0.4


def test_capacity_flags_what_lies_far_above_the_front():
    at = 8.81 + 1.0
    assert capacity.height(64 * 1024) == capacity.height(47_916) == pytest.approx(at)
    assert capacity.height(47_916 / 4) == pytest.approx(at - 2 * capacity.SLOPE)
    below, above = capacity.result(at - 0.1, 64 * 1024), capacity.result(at + 0.1, 64 * 1024)
    assert (below.passed, below.flagged, above.passed, above.flagged) == (True, False, True, True)
    assert "train.toml" in above.sentence
    assert capacity.result(math.nan, 64 * 1024).flagged
    assert not capacity.result(at, 1 << 28).flagged


def test_what_was_learned_under_watch_raises_the_front_for_its_size_and_above():
    front = ((20_000, 11.0), (90_000, 9.0))
    assert capacity.learned(20_000, front) == capacity.learned(200_000, front) == 11.0
    assert capacity.learned(10_000, front) == 11.0 - capacity.SLOPE
    assert capacity.learned(1 << 28, front) == 12.98
    assert not capacity.result(11.9, 30_000, front).flagged
    assert capacity.result(11.9, 19_000).flagged


def test_the_front_is_that_of_the_references():
    table = (Path(__file__).parents[2] / "submissions" / "README.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.split("|")] for line in table.splitlines() if "| scored |" in line
    ]
    rows = sorted((int(row[9].replace(",", "")), float(row[2])) for row in cells)
    best = [row for index, row in enumerate(rows) if all(row[1] > other for _, other in rows[:index])]
    assert tuple(best) == capacity.REFERENCES


def test_a_dose_flags_what_hangs_on_exact_values_and_rejects_nothing():
    shares = (1e-6, 1e-3, 1e-2, 1.0)
    fading = dose.result(np.array([0.8, 0.8, 0.76, 0.3, 0.0]), shares)
    assert (fading.figure, fading.passed, fading.flagged) == (pytest.approx(0.95), True, False)
    assert "0.01" in fading.sentence
    key = dose.result(np.array([0.8, 0.8, 0.1, 0.0, 0.0]), shares)
    assert (key.figure, key.passed, key.flagged) == (pytest.approx(0.125), True, True)
    assert dose.result(np.array([0.8, 0.8, math.nan, 0.0, 0.0]), shares).flagged
    assert dose.result(np.empty(0), shares).passed


def test_one_failed_probe_fails_and_one_flag_flags():
    good, doubtful, bad = weights_match.result(1, 1), capacity.result(32, 1000), weights_match.result(1, 2)
    assert (probes.summarise([good]).passed, probes.summarise([good]).flagged) == (True, False)
    assert (probes.summarise([good, doubtful]).passed, probes.summarise([doubtful]).flagged) == (True, True)
    assert not probes.summarise([good, bad]).passed


@pytest.mark.parametrize("skill", [np.zeros((3, 6)), np.ones((3, 6))])
def test_every_picture_can_be_drawn(skill):
    one = made_case(skill)
    views = scramble.sampled(one)
    plots = [
        weights_match.plot(3, 4),
        consistency.plot({"alone": 0.0, "in rows": 1e-3}),
        scramble.plot(views.octave, RNG.random((2, len(views)))),
        twin.plot(RNG.random((3, 8))),
        plasticity.plot(-2.0, 0.4, 0.9),
        capacity.plot(8.0, 100_000),
        dose.plot({int(octave): RNG.random(3) for octave in set(views.octave)}, (1e-6, 1e-2, 1.0)),
    ]
    assert ResultVisuals.from_json(ResultVisuals(plots=tuple(plots)).to_json()).plots == tuple(plots)
    for plot in plots:
        for series in plot.series:
            assert len(series.x) == len(series.y)
            assert not plot.categories or len(plot.categories) == len(series.x)


PICKY = b"""
import torch
from torch import nn

class Picky(nn.Linear):
    def forward(self, x):
        if self.weight[0, 0] < self.weight[0, 1]:
            raise ValueError("not the weights that I was made for")
        return super().forward(x)

def build(i, o):
    return Picky(i, o)
"""


def test_code_that_fails_with_other_weights_gives_no_answers(sandbox):
    ordered, other = ({"weight": torch.tensor([row]), "bias": torch.zeros(1)} for row in ([2.0, 1], [1, 2.0]))
    bundle = make_bundle(PICKY, ordered)
    limits = Limits(threads=1)
    one = made_case(
        np.ones((2, 3)), start=lambda b: sandbox.start(b, limits=limits, device="cpu"), bundle=bundle
    )
    unit = RNG.uniform(-1, 1, (30, 2))
    np.testing.assert_allclose(
        case.answers_with(one, save(ordered), unit), unit @ [2, 1], rtol=1e-5, atol=1e-6
    )
    assert np.isnan(case.answers_with(one, save(other), unit)).all()
