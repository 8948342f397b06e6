import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from challenge import sample
from challenge.bundle.reader import read_bundle
from challenge.bundle.references import reference_folder, reference_kinds
from challenge.commands.cli import mbc


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(mbc, [str(a) for a in arguments], catch_exceptions=False)


def size(name):
    with Image.open(name) as picture:
        return picture.size


@pytest.mark.costly
def test_from_nothing_to_a_bundle(elsewhere):
    assert run("new", "mine", "--from", "mlp").exit_code == 0
    assert not (elsewhere / "mine" / "weights.safetensors").exists()
    trained = run("train", "mine", "--steps", 20)
    assert trained.exit_code == 0, trained.output
    assert "Wrote the best weights" in trained.output
    assert "100%" in trained.stderr
    packed = run("pack", "mine", "--no-check")
    assert packed.exit_code == 0, packed.output
    bundle = read_bundle(elsewhere / "mine.zip")
    assert bundle.manifest.name == "mine"
    assert bundle.frames
    with zipfile.ZipFile(elsewhere / "mine.zip") as archive:
        assert "train.toml" in archive.namelist()
    drawn = run("render", "mine", "--place", "antenna", "--octave", 5, "--size", 32, "-o", "three.png")
    assert drawn.exit_code == 0, drawn.output
    assert size("three.png") == (32 * 3 + 8, 32)


@pytest.mark.parametrize("kind", reference_kinds())
def test_every_kind_can_be_started_from_and_bears_any_directory_name(elsewhere, kind):
    name = 'o"ne\\two é'
    result = run("new", name, "--from", kind, "--with-weights", "--author", "A. N. Other")
    assert result.exit_code == 0, result.output
    values = tomllib.loads((elsewhere / name / "submission.toml").read_text())
    assert (values["name"], values["author"]) == (name, "A. N. Other")
    trained = (reference_folder() / kind / "weights.safetensors").exists()
    read_bundle(elsewhere / name, trained=trained)


@pytest.mark.costly
def test_ctrl_c_while_training_writes_the_weights(elsewhere):
    run("new", "mine", "--from", "mlp")
    # Who runs the tests in the background has them ignore it, and children inherit that.
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heeds}; from challenge.commands.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, "train", "mine", "--seconds", "300"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert "%" in child.stderr.readline()  # the first check is done
    time.sleep(0.5)
    os.kill(child.pid, signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "Interrupted: kept the best weights" in out
    assert (elsewhere / "mine" / "weights.safetensors").exists()


@pytest.mark.costly
def test_training_can_be_watched_in_tensorboard(elsewhere):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run("new", "mine", "--from", "mlp")
    trained = run("train", "mine", "--steps", 10, "--samples", 5000, "--tensorboard", "logs")
    assert trained.exit_code == 0, trained.output
    events = EventAccumulator("logs").Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "learning rate", "points per second", "octaves"}
    assert [event.step for event in events.Scalars("loss")] == list(range(1, 11))


def test_there_is_nothing_to_resume(elsewhere):
    run("new", "mine", "--from", "mlp")
    result = run("train", "mine", "--resume")
    assert result.exit_code == 3
    assert "train without --resume" in result.stderr


def test_samples_are_those_of_python(elsewhere):
    assert run("sample", "-n", "1_000", "--seed", 5, "-o", "s.npz").exit_code == 0
    with np.load("s.npz") as file:
        x, t = sample(1000, 5)
        assert np.array_equal(file["x"], x)
        assert np.array_equal(file["t"], t)


def test_the_truth_is_drawn_without_a_model(elsewhere):
    assert run("render", "--size", 40).exit_code == 0
    assert size("render.png") == (40, 40)
    assert run("render", "--center", "-1.25,0.02", "--octave", 3, "--size", 24, "--smooth", 2).exit_code == 0
    assert size("render.png") == (24, 24)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("new mine --from furrier", 2, "there are fourier, "),
        ("new full", 2, "full exists already"),
        ("sample -n 0", 2, "0 is not in the range"),
        ("sample -o s.csv", 2, "should end in .npz"),
        ("sample -n 10 -o nowhere/s.npz", 5, "No such file or directory"),
        ("train nowhere", 2, "nowhere is not a directory; `mbc new nowhere"),
        ("train full", 3, "There is no model.py in full"),
        ("train broken", 3, "NameError"),
        ("train wrong", 3, "'speed' is unknown"),
        ("train wrong --device tpu", 3, "unknown"),
        ("train other --steps 1 --device tpu", 2, "must be auto, cpu, cuda or mps"),
        ("pack nowhere", 2, "nowhere is not a directory"),
        ("pack full", 3, "There is no submission.toml"),
        ("render --place atlantis", 2, "there is no place 'atlantis'; there are base-window"),
        ("render --place spiral --center 0,0", 2, "exclude each other"),
        ("render --center nan,0 --size 8", 2, "a centre is two decimal numbers"),
        ("render --center 3,0 --size 8", 2, "further than 2 from the origin"),
        ("render --center 1 --size 8", 2, "is not RE,IM"),
        ("render other --octave 40", 2, "beyond 32 only the truth is drawn"),
        ("render --only model", 2, "needs the directory of a submission"),
        ("render --colours mud --size 8", 2, "no colour map 'mud'"),
        ("render full --size 8", 3, "There is no model.py"),
        ("render other --size 8", 3, "train it first"),
        ("render --octave 901", 2, "901"),
        ("render -o picture.jpg", 2, "should end in .png"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(elsewhere, arguments, code, told):
    (elsewhere / "full").mkdir()
    (elsewhere / "full" / "notes.txt").write_text("x")
    linear = "from torch import nn\ndef build(i, o): return nn.Linear(i, o)\n"
    for name, model, recipe in (
        ("broken", "undefined", "steps = 1"),
        ("wrong", linear, "steps = 1\nspeed = 9"),
        ("other", linear, "steps = 1"),
    ):
        (elsewhere / name).mkdir()
        (elsewhere / name / "model.py").write_text(model)
        (elsewhere / name / "train.toml").write_text(recipe)
    result = run(*arguments.split())
    assert result.exit_code == code, result.output
    assert told in result.output
    # Of a traceback, the frames of the submission's own code alone.
    assert ("Traceback" in result.output) == (told == "NameError")
    assert result.output.count("File ") == result.output.count('File "model.py"')
    assert not list(elsewhere.glob(".*.part"))


@pytest.mark.sandbox
def test_pack_asks_the_model_first_and_no_check_leaves_that_out(elsewhere):
    folder = elsewhere / "mine"
    folder.mkdir()
    (folder / "submission.toml").write_text('api = 1\nname = "n"\nauthor = "a"\ndescription = "d"\n')
    (folder / "model.py").write_text(
        "from torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o + 1)\n"
    )
    save_file(nn.Linear(2, 1).state_dict(), folder / "weights.safetensors")
    refused = run("pack", "mine")
    assert refused.exit_code == 3, refused.output
    assert "weights.names" in refused.stderr
    assert not (elsewhere / "mine.zip").exists()
    assert "(1, 2) in the file and (2, 2) in build(2, 1)" in refused.stderr
    told = json.loads(run("pack", "mine", "--json").stdout)
    assert told["rule"] == "weights.names"
    assert set(told) >= {"where", "found", "right", "remedy", "reason"}
    assert json.loads(run("pack", "mine", "--json", "--no-check").stdout)["archive"] == "mine.zip"
    (folder / "model.py").write_text(
        "from torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"
    )
    assert run("pack", "mine").exit_code == 0


def test_a_first_author_is_a_person(elsewhere, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(elsewhere / "none"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(elsewhere / "none"))
    monkeypatch.setenv("LOGNAME", "root")
    run("new", "one", "--from", "mlp")
    assert tomllib.loads((elsewhere / "one" / "submission.toml").read_text())["author"] == "somebody"
    (elsewhere / "git").write_text("[user]\nname = Ada L.\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(elsewhere / "git"))
    run("new", "two", "--from", "mlp")
    assert tomllib.loads((elsewhere / "two" / "submission.toml").read_text())["author"] == "Ada L."


def test_a_narrow_terminal_keeps_bar_and_time_left(capfd, monkeypatch):
    from challenge.commands.train import _bar
    from challenge.training.trainer import Progress

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with _bar(20_000, width=50) as report:
        report(Progress(5_000, 0.25, 100.0, 0.1234, 1e-3, 123_456.0, 7.25))
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in capfd.readouterr().err.splitlines()]
    shown = [line for line in lines if "25%" in line][-1]
    assert "300 s left" in shown
    assert "━" in shown
    assert "step" in shown
    assert len(shown.rstrip()) <= 50
