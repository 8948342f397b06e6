"""`mbc score` and `mbc check` as a person types them."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from challenge.util.exit_codes import SettingError
from evaluator.preflight import require_device

pytestmark = pytest.mark.costly

LINE = "from torch import nn\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"


def mbc(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "challenge.commands.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def line(tmp_path):
    (tmp_path / "submission.toml").write_text(
        'api = 1\nname = "evil [/bold] [red]x"\nauthor = "[b]"\ndescription = "d"\n'
    )
    (tmp_path / "model.py").write_text(LINE)
    save_file(torch.nn.Linear(2, 1).state_dict(), tmp_path / "weights.safetensors")
    return tmp_path


@pytest.mark.slow
def test_a_quick_score_is_no_verdict_and_names_are_not_markup(line):
    done = mbc("score", line, "--quick", "--chains", 2)
    assert done.returncode == 0, done.stderr
    assert "evil [/bold] [red]x" in done.stdout
    report = json.loads(mbc("score", line, "--quick", "--chains", 2, "--json").stdout)
    assert report["verdict"] == "unjudged"
    assert (report["universality"], report["integrity"]) == (None, None)
    assert len(report["skill"]) == 32


def test_a_bundle_that_cannot_be_built_is_invalid_and_told_what_to_do(line):
    (line / "model.py").write_text("x = 1\n")
    done = mbc("check", line, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["reason"] == "build_missing"
    assert "Define build(in_features" in done.stderr


def test_usage_is_one_sentence(line):
    missing = mbc("score", line / "nothere")
    assert missing.returncode == 2
    assert "nothere" in missing.stderr
    setting = mbc("check", line, MBC_LIMIT_FIT_SECONDS="abc")
    assert setting.returncode == 2
    assert setting.stderr == "error: MBC_LIMIT_FIT_SECONDS must be a positive number, not 'abc'\n"
    assert mbc("score", line, "--device", "abacus").returncode == 2


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has an Apple GPU")
def test_an_apple_gpu_that_is_not_there_is_named():
    with pytest.raises(SettingError, match="no Apple GPU"):
        require_device("mps")
