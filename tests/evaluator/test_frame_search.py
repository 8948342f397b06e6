"""Why is it 0? A model that knows the set in other coordinates is told which, and `mbc adapt` mends it."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn

from challenge.bundle.frame_code import adapted_source
from challenge.commands.cli import mbc
from challenge.mandelbrot.coordinates import to_plane, to_unit
from challenge.mandelbrot.target import target
from challenge.results.frame_suggestion import FrameSuggestion
from challenge.scoring.frames import WINDOWS, Frame, known_frames
from challenge.training.local_model import load_build
from evaluator.frame_search import _rising, find_frame, is_suspicious

FRAMES = known_frames()


def knows(frame, shade=lambda t: t):
    """A model that is exact in a frame: it finds the plane's point from its inputs, and answers there."""
    matrix, shift = frame.affine
    back = np.linalg.inv(matrix)
    return lambda inputs: shade(target(to_plane((inputs - shift) @ back), max_iterations=2000))


def same(one, other):
    """Whether two frames give a symmetric set the same picture: its upper and its lower half are alike."""
    (a, s), (b, t) = one.affine, other.affine
    flip = np.diag([1.0, -1.0])
    return np.allclose(s, t) and (np.allclose(a, b) or np.allclose(flip @ a, b))


def test_a_window_is_mapped_by_its_corners():
    for name, (low, high, bottom, top) in WINDOWS.items():
        unit = to_unit(np.array([[low, bottom], [high, top]]))
        np.testing.assert_allclose(Frame(name).inputs(unit), [[-1, -1], [1, 1]], atol=1e-12)
        np.testing.assert_allclose(Frame(name, "unit").inputs(unit), [[0, 0], [1, 1]], atol=1e-12)
        np.testing.assert_allclose(
            Frame(name, "plane").inputs(unit), [[low, bottom], [high, top]], atol=1e-12
        )
    unit = np.array([[0.5, -0.25]])
    assert Frame("base", "plane", swapped=True).inputs(unit).tolist() == [[-0.5, 0.25]]
    assert Frame("base", mirrored=True).inputs(unit).tolist() == [[-0.5, -0.25]]
    np.testing.assert_allclose(
        Frame("author", "aspect").inputs(to_unit(np.array([[1.15, 1.2]]))), [[1, 1.2 / 1.9]]
    )


def test_the_rising_fit_is_scikit_learns():
    from sklearn.isotonic import IsotonicRegression

    random = np.random.default_rng(3)
    # With ties, as of answers that are rounded or clipped.
    x = random.uniform(-1, 1, 3000).round(2)
    y = np.tanh(2 * x) + random.normal(0, 0.4, 3000)
    asked = np.linspace(-1.5, 1.5, 1000)
    expected = IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(asked)
    assert np.interp(asked, *_rising(x, y)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", FRAMES)
def test_the_affine_map_is_the_map(name):
    unit = np.random.default_rng(1).uniform(-1, 1, (20, 2))
    matrix, shift = FRAMES[name].affine
    np.testing.assert_allclose(unit @ matrix + shift, FRAMES[name].inputs(unit), atol=1e-12)


@pytest.mark.costly
@pytest.mark.parametrize(
    "name",
    ["author", "author-swapped", "author-unit", "author-aspect", "classic-mirrored", "plane", "plane-swapped",
     "cardioid", "landscape-unit-swapped", "base-swapped", "base-mirrored", "centred",
     "textbook-swapped-mirrored"],
)  # fmt: skip
def test_the_frame_of_a_model_that_knows_the_set_is_found(name):
    found = find_frame(knows(FRAMES[name]))
    assert found is not None
    assert same(FRAMES[found.window], FRAMES[name]), found
    assert not found.inverted
    assert not found.recoloured
    assert found.octaves > 11
    assert found.octaves > found.before + 2
    assert f"mbc adapt mine --window {found.window}" in found.sentence("mine")


def test_inverted_colours_are_found_in_our_own_frame_and_in_another():
    found = find_frame(knows(Frame("base"), lambda t: 1 - t))
    assert (found.window, found.inverted) == ("", True)
    assert "mbc adapt mine --invert" in found.sentence("mine")
    found = find_frame(knows(FRAMES["author"], lambda t: 1 - t))
    assert (found.window, found.inverted) == ("author", True)


def test_another_scale_of_the_outputs_is_said():
    found = find_frame(knows(Frame("base"), lambda t: np.clip(t, 0, 1) ** 8))
    assert found.window == ""
    assert found.recoloured
    assert "m / (m + 50)" in found.sentence()


@pytest.mark.parametrize(
    "ask",
    [
        knows(Frame("base")),
        lambda inputs: np.full(len(inputs), 0.5),
        lambda inputs: np.full(len(inputs), np.nan),
        lambda inputs: np.random.default_rng(0).uniform(0, 1, len(inputs)),
        lambda inputs: np.random.default_rng(0).choice([-1.7e308, 1.7e308], len(inputs)),
    ],
)
def test_where_no_frame_is_to_blame_none_is_named(ask):
    assert find_frame(ask) is None


def test_only_the_first_octaves_raise_suspicion():
    assert is_suspicious([0.1, 0.5, 0.5, 0.5, 1, 1])
    assert not is_suspicious([0.95, 0.9, 0.85, 0.8, 0, 0])
    assert (
        "1.0 octaves, not 0.0"
        in FrameSuggestion("", inverted=True, recoloured=False, octaves=1.0, before=0.0).sentence()
    )


MODEL = """from torch import nn


def build(in_features, out_features):
    return nn.Linear(in_features, out_features)
"""


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "submission.toml").write_text('api = 1\nname = "n"\nauthor = "a"\ndescription = "d"\n')
    (folder / "model.py").write_text(MODEL)
    save_file(nn.Linear(2, 1).state_dict(), folder / "weights.safetensors")
    return folder


@pytest.mark.parametrize("out_features", [1, 3])
@pytest.mark.parametrize("invert", [True, False])
def test_adapt_maps_every_model_of_two_inputs_and_no_other(mine, out_features, invert):
    before = load_build(mine)
    options = ["--window", "author-swapped", *(["--invert"] if invert else [])]
    done = CliRunner().invoke(mbc, ["adapt", str(mine), *options])
    assert done.exit_code == 0, done.output
    after = load_build(mine)
    for in_features in (1, 2, 5):
        torch.manual_seed(1)
        plain = before(in_features, out_features)
        torch.manual_seed(1)
        adapted = after(in_features, out_features)
        assert plain.state_dict().keys() == adapted.state_dict().keys()
        x = torch.rand(7, in_features) * 2 - 1
        if in_features == 2:
            inputs = torch.from_numpy(FRAMES["author-swapped"].inputs(x.double().numpy())).float()
            expected = 1 - plain(inputs) if invert else plain(inputs)
        else:
            expected = plain(x)
        torch.testing.assert_close(adapted(x), expected)


def test_adapt_refuses_what_it_cannot_do(mine):
    def run(*arguments):
        return CliRunner().invoke(mbc, ["adapt", str(mine), *arguments])

    assert "no window 'autor'" in run("--window", "autor").output
    assert run().exit_code == 2
    assert "author-unit" in run("--list").output
    assert run("--invert").exit_code == 0
    again = run("--window", "author")
    assert again.exit_code == 2
    assert "adapted before" in again.output
    with pytest.raises(ValueError, match="adapted before"):
        adapted_source((mine / "model.py").read_text(), "x", np.eye(2), np.zeros(2), invert=False)


FORMULA = """import torch
from torch import nn


class Knows(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.linear = nn.Linear(i, o)

    def forward(self, x):
        if x.shape[1] != 2 or self.linear.out_features != 1:
            return self.linear(x)
        c = torch.complex(x[:, 0] * 1.9 - 0.75, x[:, 1] * 1.2)
        z, count = torch.zeros_like(c), torch.full(c.shape, 200.0)
        for n in range(200):
            z = torch.where(z.abs() < 1e3, z * z + c, z)
            count = torch.where((z.abs() >= 1e3) & (count == 200), torch.tensor(float(n)), count)
        return (count / (count + 50) / 0.8)[:, None]


def build(i, o):
    return Knows(i, o)
"""


@pytest.mark.sandbox
def test_check_says_the_command_and_after_it_all_is_well(mine):
    (mine / "model.py").write_text(FORMULA)
    save_file({"linear.weight": torch.rand(1, 2), "linear.bias": torch.rand(1)}, mine / "weights.safetensors")
    told = CliRunner().invoke(mbc, ["check", str(mine)])
    assert told.exit_code == 0, told.output
    assert f"mbc adapt {mine} --window author" in told.stderr
    scored = CliRunner().invoke(mbc, ["score", str(mine), "--quick", "--chains", "8", "--json"])
    assert json.loads(scored.stdout)["suggestion"]["window"] == "author"
    assert f"mbc adapt {mine} --window author" in scored.stderr
    assert CliRunner().invoke(mbc, ["adapt", str(mine), "--window", "author"]).exit_code == 0
    assert "adapt" not in CliRunner().invoke(mbc, ["check", str(mine)]).stderr
