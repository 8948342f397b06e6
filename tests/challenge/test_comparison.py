import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

from challenge.commands import fit as command
from challenge.commands.cli import mbc
from challenge.controls.fit_visuals import grid
from challenge.imaging.pictures import value_image, view_scale
from challenge.imaging.thumbnails import control_thumbnail
from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import target
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training import comparison
from challenge.training.comparison_process import fit_directory
from challenge.training.refit import Budget


def network(i, o):
    return nn.Sequential(nn.Linear(i, 32), nn.GELU(), nn.Linear(32, o))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_command_and_the_library_know_the_same_data():
    assert set(command.DATA) == set(comparison.DATA)


@pytest.mark.costly
@pytest.mark.parametrize("name", ["curve", "picture", "sphere", "spiral", "digits", "mandelbrot"])
def test_a_network_learns_it_and_is_watched(name):
    control = comparison.draw_data_set(name, 1)
    if name in {"sphere", "spiral"}:
        assert control.name.startswith(name)
    seen = comparison.fit_model("one", network, control, Budget(300))
    assert seen.snapshots[0].done == 0
    assert seen.snapshots[-1].done == 1
    assert seen.snapshots[-1].skill > max(0.1, seen.snapshots[0].skill)
    assert len(seen.snapshots) >= 5
    for look in (seen.snapshots[0], seen.snapshots[-1]):
        assert look.skill == control.skill(look.held)
        assert look.on_grid.shape == (len(grid(control)), control.out_features)
        assert control_thumbnail(control, look.held, look.on_grid, 64).size == (64, 64)


@pytest.mark.costly
def test_the_same_seed_gives_the_same_fit():
    one, other = (
        comparison.fit_model("a", network, comparison.draw_data_set("curve", 2), Budget(100), seed=4)
        for _ in range(2)
    )
    assert np.array_equal(one.snapshots[-1].held, other.snapshots[-1].held)


def test_watching_does_not_change_what_is_learned():
    control = comparison.draw_data_set("curve", 3)
    watched = comparison.fit_model("a", network, control, Budget(200), seed=1)
    torch.manual_seed(1)
    alone = network(1, 1)
    comparison.train(alone, torch.from_numpy(control.x), torch.from_numpy(control.y), Budget(200), seed=1)
    with torch.inference_mode():
        held = alone(torch.from_numpy(control.held_x).float()).double().numpy()
    assert np.array_equal(held, watched.snapshots[-1].held)


def test_accuracy_is_the_share_of_right_answers():
    control = comparison.draw_data_set("digits", 1)
    right = control.held_y.copy()
    right[::4] = np.roll(right[::4], 1, axis=1)
    assert comparison.accuracy(control, control.skill(right)) == pytest.approx(
        1 - len(right[::4]) / len(right)
    )


def test_a_panel_shows_the_model_in_the_colours_of_the_data():
    control = comparison.draw_data_set("mandelbrot", 1)
    points = to_plane(grid(control))
    truth = control_thumbnail(control, control.held_y, target(points)[:, None], 80)
    expected = value_image(target(points), view_scale(control.y[:, 0]))
    assert np.array_equal(np.asarray(truth), np.asarray(expected))
    flat = np.asarray(control_thumbnail(control, control.held_y, np.full((len(points), 1), 0.5), 80))
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1


@pytest.mark.costly
def test_kinds_side_by_side_in_a_film(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.py").write_text(
        "from torch import nn\ndef build(i, o): return nn.Linear(i, o)\n"
    )
    done = CliRunner().invoke(
        mbc, ["fit", "--on", "curve", "mlp", "mine", "--steps", "100", "--size", "64", "--json"]
    )
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert [one["kind"] for one in figures["fits"]] == ["mlp", "mine"]
    assert figures["fits"][0]["skill"] > figures["fits"][1]["skill"]
    assert figures["fits"][1]["parameters"] == 2
    with Image.open(figures["film"]) as film:
        assert film.width == 2 * 64 + 4
        assert film.n_frames >= 3


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("--on curve nobody", 2, "neither a directory with a model.py nor one of"),
        ("--on cube mlp", 2, "'cube' is not one of"),
        ("--on curve mlp -o a.gif", 2, "should end in .webp or .mp4"),
        ("--on curve", 2, "Missing argument"),
    ],
)
def test_what_is_wrong_is_said(arguments, code, told):
    result = CliRunner().invoke(mbc, ["fit", *arguments.split()])
    assert result.exit_code == code
    assert told in result.stderr


GLOBALS = """import numpy as np
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
np.seterr(all="raise")


def build(i, o):
    return nn.Linear(i, o)
"""


@pytest.mark.costly
def test_what_one_model_sets_for_all_does_not_reach_another(tmp_path):
    for name, source in {"odd": GLOBALS, "plain": PLAIN}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.py").write_text(source)
    budget, before = Budget(20), (torch.get_default_dtype(), np.geterr())
    first = fit_directory(tmp_path / "plain", "curve", budget, seed=3)
    odd = fit_directory(tmp_path / "odd", "curve", budget, seed=3)
    again = fit_directory(tmp_path / "plain", "curve", budget, seed=3)
    assert np.array_equal(first.snapshots[-1].held, again.snapshots[-1].held)
    assert not np.array_equal(first.snapshots[-1].held, odd.snapshots[-1].held)
    assert (torch.get_default_dtype(), np.geterr()) == before


PLAIN = "from torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"


@pytest.mark.costly
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_this_name\n", Reason.MODEL_CODE_FAILED),
        (PLAIN.replace("Linear(i, o)", "Linear(i, o + 1)"), Reason.FIT_FAILED),
        ("import os\n\n\ndef build(i, o):\n    os._exit(9)\n", Reason.EXITED),
    ],
)  # fmt: skip
def test_what_goes_wrong_in_the_process_is_told(tmp_path, source, reason):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.py").write_text(source)
    with pytest.raises(EvaluationError) as caught:
        fit_directory(tmp_path / "mine", "curve", Budget(5))
    assert caught.value.reason is reason
    # Of a traceback, the frames of the submission alone.
    assert "/" not in caught.value.private
    assert ('File "model.py", line 1' in caught.value.private) == (reason is Reason.MODEL_CODE_FAILED)
