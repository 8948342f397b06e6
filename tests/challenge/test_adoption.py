"""From the files of somebody's notebook to a directory that `mbc check` passes."""

import sys

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from challenge.bundle.reader import read_bundle
from challenge.commands.cli import mbc
from challenge.training.local_model import load_model

SOURCE = """import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, {arguments}):
        super().__init__()
        self.net = nn.Sequential(nn.Linear({i}, width), nn.GELU(), nn.Linear(width, {o}))

    def forward(self, x):
        return self.net(x)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = {
        f"net.{k}": v
        for k, v in nn.Sequential(nn.Linear(2, 8), nn.GELU(), nn.Linear(8, 1)).state_dict().items()
    }
    torch.save(
        {"model_state_dict": {f"module._orig_mod.{k}": v for k, v in state.items()}, "epoch": 7}, "last.ckpt"
    )
    return tmp_path


def adopt(*arguments):
    return CliRunner().invoke(mbc, ["adopt", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "i", "o"),
    [
        ("in_features=2, out_features=1, width=8", "in_features", "out_features"),
        ("input_dim, output_dim, width=8", "input_dim", "output_dim"),
        ("a, b, width=8", "a", "b"),
        ("width=8, *, n_in, n_out=1", "n_in", "n_out"),
    ],
)
def test_a_class_and_a_checkpoint_become_a_bundle(home, arguments, i, o):
    (home / "net.py").write_text(SOURCE.format(arguments=arguments, i=i, o=o))
    done = adopt("last.ckpt", "--as", "mine", "--code", "net.py:Net", "--author", "Ada", "--no-check")
    assert done.exit_code == 0, done.output
    assert "Took the entry 'model_state_dict'" in done.output
    assert "`_orig_mod.`, which torch.compile adds" in done.output
    bundle = read_bundle(home / "mine")
    assert (bundle.manifest.name, bundle.manifest.author) == ("mine", "Ada")
    assert load_model(home / "mine")(torch.zeros(3, 2)).shape == (3, 1)
    sys.modules.pop("model", None)
    from challenge.training.local_model import load_build

    assert load_build(home / "mine")(5, 3)(torch.zeros(2, 5)).shape == (2, 3)


@pytest.mark.sandbox
def test_what_it_makes_passes_check_with_a_prefix_that_only_the_model_shows(home):
    (home / "net.py").write_text(SOURCE.format(arguments="i, o, width=8", i="i", o="o"))
    state = torch.load("last.ckpt", weights_only=True)["model_state_dict"]
    lightning = {f"model.{name}": tensor for name, tensor in state.items()} | {"loss.weight": torch.ones(3)}
    torch.save({"state_dict": lightning, "loops": {}}, "last.ckpt")
    done = adopt("last.ckpt", "--as", "mine", "--code", "net.py:Net")
    assert done.exit_code == 0, done.output
    assert "Took off `model.module.`" in done.output
    assert "Left out loss.weight" in done.output
    assert "mine is a valid bundle" in CliRunner().invoke(mbc, ["check", "mine"]).output


def test_helpers_of_its_own_come_along(home):
    (home / "layers.py").write_text("from torch import nn\n\nAct = nn.GELU\n")
    text = SOURCE.format(arguments="i, o, width=8", i="i", o="o").replace("nn.GELU()", "layers.Act()")
    (home / "net.py").write_text("import layers\n" + text)
    done = adopt("last.ckpt", "--as", "mine", "--code", "net.py:Net", "--no-check")
    assert "Copied layers.py" in done.output
    assert load_model(home / "mine")(torch.zeros(3, 2)).shape == (3, 1)


def test_without_the_code_it_says_what_is_missing(home):
    done = adopt("last.ckpt", "--as", "mine")
    assert done.exit_code == 0
    assert "model.py is missing" in done.output
    assert "--code FILE.py:CLASS" in done.output
    assert (home / "mine" / "weights.safetensors").is_file()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("net.py", "FILE.py:NAME"),
        ("net.py:Nett", "no class or function 'Nett'; it has Net"),
        ("none.py:Net", "cannot be read"),
        ("odd.py:Net", "needs depth, which have no defaults"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(home, code, told):
    (home / "net.py").write_text(SOURCE.format(arguments="i, o, width=8", i="i", o="o"))
    (home / "odd.py").write_text(SOURCE.format(arguments="i, o, depth, width=8", i="i", o="o"))
    done = adopt("last.ckpt", "--as", "mine", "--code", code)
    assert done.exit_code == 2
    assert told in done.output
    assert not (home / "mine").exists()


def test_a_refused_checkpoint_leaves_nothing(home):
    torch.save(nn.Linear(2, 1), "whole.pt")
    done = adopt("whole.pt", "--as", "mine")
    assert done.exit_code == 3
    assert "weights.pickle" in done.output
    assert not (home / "mine").exists()


def test_nothing_is_overwritten(home):
    (home / "mine").mkdir()
    (home / "mine" / "weights.safetensors").write_bytes(b"mine")
    done = adopt("last.ckpt", "--as", "mine")
    assert done.exit_code == 2
    assert (home / "mine" / "weights.safetensors").read_bytes() == b"mine"


def test_a_script_that_trains_when_imported_is_warned_of(home):
    text = SOURCE.format(arguments="i, o, width=8", i="i", o="o")
    (home / "net.py").write_text(text + "\nfor step in range(3):\n    pass\n")
    done = adopt("last.ckpt", "--as", "mine", "--code", "net.py:Net", "--no-check")
    assert "runs whenever it is imported" in done.output
