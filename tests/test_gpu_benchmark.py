"""`benchmarks/gpu.py` runs as a whole on the processor, at a hundredth of its size."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def run(*arguments):
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.sandbox
def test_everything_in_it_runs_on_the_processor():
    done = run("--device", "cpu", "--share", "0.01")
    assert done.returncode == 0, done.stderr
    parts = re.split(r"\n# ", done.stdout)[1:]
    assert [part.partition(",")[0] for part in parts] == [
        "The target",
        "A model judged in the sandbox",
        "A hash grid trained",
        "The peer's target",
    ]
    target, judged, trained, peer = parts
    assert "0.0000% differ by more than 1e-6" in target
    assert "equal to 1e-3" in judged
    assert "NOT EQUAL" not in judged
    assert float(re.search(r"([\d.]+) octaves", judged)[1]) > 5
    assert re.search(r"refitted in [\d.]+ s: curve 0\.\d+", judged)
    assert re.search(r"hash_grid after 3 s: \d+\.\d+ octaves", trained)
    assert 0 < float(re.search(r"MSE ([\d.]+)", peer)[1]) < 1


@pytest.mark.costly
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_it_says_how_to_try_it_out():
    done = run()
    assert done.returncode == 2
    assert "no card is at hand" in done.stderr
