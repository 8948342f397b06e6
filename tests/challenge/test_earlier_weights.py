"""Training again never loses weights that were there."""

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import nn

from challenge.bundle.renaming import keep_earlier
from challenge.commands.cli import mbc
from challenge.training import batches, earlier_weights
from challenge.training.earlier_weights import Earlier, measure_earlier, store_better
from challenge.training.trainer import Progress, TrainingResult
from challenge.util import exit_codes

MODEL = """from torch import nn


def build(i, o):
    return nn.Sequential(nn.Linear(i, 8), nn.GELU(), nn.Linear(8, o))
"""
FILES = {
    "submission.toml": 'api = 1\nname = "n"\nauthor = "a"\ndescription = "d"\n',
    "model.py": MODEL,
    "train.toml": "steps = 5\nbatch = 64\ndeepest = 1\n",
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "POOL", 2_000)
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def network():
    return nn.Sequential(nn.Linear(2, 8), nn.GELU(), nn.Linear(8, 1))


def train(mine, *arguments):
    return CliRunner().invoke(mbc, ["train", str(mine), *arguments], catch_exceptions=False)


def weights(mine, name="weights.safetensors"):
    return (mine / name).read_bytes()


def result(octaves):
    progress = Progress(5, 1.0, 1.0, 0.1, 1e-3, 100.0, octaves)
    return TrainingResult({"w": torch.full((2,), octaves)}, octaves, progress, interrupted=True)


def test_starting_over_where_a_trained_model_lies_asks_first(mine, monkeypatch):
    save_file(network().state_dict(), mine / "weights.safetensors")
    before = weights(mine)
    monkeypatch.setattr(earlier_weights, "measure_earlier", lambda *_: Earlier(8.81, 0.02))
    asked = train(mine)
    assert asked.exit_code == exit_codes.USAGE
    assert "about 8.81 octaves" in asked.stderr
    assert "--restart" in asked.stderr
    assert weights(mine) == before
    assert not (mine / "frames").exists()
    done = train(mine, "--restart")
    assert done.exit_code == 0, done.output
    # Five steps do not reach 8.81: the better ones stay, and nothing is lost.
    assert weights(mine) == weights(mine, "weights.earlier.safetensors") == before
    assert weights(mine, "weights.latest.safetensors") != before
    assert "stays as it was, with about 8.81 octaves" in done.output


def test_untrained_weights_are_kept_and_replaced_without_a_question(mine):
    save_file(network().state_dict(), mine / "weights.safetensors")
    before = weights(mine)
    done = train(mine)
    assert done.exit_code == 0, done.output
    assert weights(mine, "weights.earlier.safetensors") == before
    assert "weights.earlier.safetensors" in done.stderr


def test_weights_of_another_architecture_are_kept(mine):
    save_file({"other": torch.zeros(3)}, mine / "weights.safetensors")
    assert train(mine).exit_code == 0
    assert "other" in load_file(mine / "weights.earlier.safetensors")
    assert "other" not in load_file(mine / "weights.safetensors")


def test_the_better_of_both_is_what_stays(tmp_path):
    save_file({"w": torch.ones(2)}, tmp_path / "weights.safetensors")
    assert store_better(tmp_path, result(7.01), Earlier(8.81, 0.0), {}).name == "weights.latest.safetensors"
    assert store_better(tmp_path, result(9.0), Earlier(8.81, 0.0), {}).name == "weights.safetensors"
    assert load_file(tmp_path / "weights.safetensors")["w"][0] == 9
    assert store_better(tmp_path, result(0.5), Earlier(None, 0.0), {}).name == "weights.safetensors"


def test_no_kept_file_is_ever_overwritten(tmp_path):
    names = []
    for value in (1.0, 2.0, 2.0, 3.0):
        save_file({"w": torch.full((2,), value)}, tmp_path / "weights.safetensors")
        names.append(keep_earlier(tmp_path / "weights.safetensors").name)
    assert names == [f"weights.earlier{n}.safetensors" for n in ("", "-2", "-2", "-3")]


def test_measuring_leaves_the_model_as_it_was(tmp_path):
    model = network()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file({name: tensor + 1 for name, tensor in state.items()}, tmp_path / "weights.safetensors")
    found = measure_earlier(tmp_path, model)
    assert found.octaves is not None
    assert not found.is_trained
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    assert model.training


def test_resume_and_restart_exclude_each_other(mine):
    assert train(mine, "--resume", "--restart").exit_code == exit_codes.USAGE
