"""Several workers on one machine: started, started again, told to stop, each with its own GPU."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluator.sandbox import gpus

# It notes what it may use, ends at once the first time, and then waits for two signals.
WORKER = """
import os, signal, sys, time
folder = sys.argv[1]
def note(what):
    with open(f"{folder}/{os.environ.get('CUDA_VISIBLE_DEVICES', 'none')}", "a") as file:
        file.write(what + "\\n")
told = []
def stop(number, frame):
    told.append(number)
    note("asked")
    if len(told) == 2:
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("began")
if open(f"{folder}/{os.environ.get('CUDA_VISIBLE_DEVICES', 'none')}").read().count("began") == 1:
    sys.exit(3)
while True:
    time.sleep(0.05)
"""
PARENT = """
import sys
from evaluator import processes
from evaluator.sandbox import gpus
gpus.visible = lambda: (0, 3)
processes.run([sys.executable, "-c", sys.argv[1], sys.argv[2]], 2, gpu=True)
print("all ended")
"""


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come to this in a minute"
        time.sleep(0.05)


@pytest.mark.costly
def test_they_start_again_and_each_gets_both_signals(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER, tmp_path], stdout=subprocess.PIPE, text=True, env=environment
    )

    def told(what):
        return [
            (tmp_path / name).read_text().count(what) if (tmp_path / name).exists() else 0 for name in "03"
        ]

    try:
        until(lambda: told("began") == [2, 2])
        parent.send_signal(signal.SIGTERM)
        until(lambda: told("asked") == [1, 1])
        assert parent.poll() is None
        parent.send_signal(signal.SIGINT)
        out, _ = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert (out, parent.returncode) == ("all ended\n", 0)
    assert told("began") == told("asked") == [2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "3"]


@pytest.mark.parametrize(
    ("files", "named", "expected"),
    [
        ((), "0", ()),
        (("nvidiactl", "nvidia0", "nvidia10", "nvidia2", "nvidia-uvm"), None, (0, 2, 10)),
        (("nvidiactl", "nvidia0", "nvidia1"), "1", (1,)),
        (("nvidiactl", "nvidia0", "nvidia1"), "1,0", (1, 0)),
        (("nvidiactl", "nvidia0"), "GPU-5a7e", (0,)),
    ],
)
def test_gpus_are_those_that_are_named_or_there(tmp_path, monkeypatch, files, named, expected):
    for name in files:
        (tmp_path / name).touch()
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    if named is not None:
        monkeypatch.setenv(gpus.VARIABLE, named)
    assert gpus.visible(tmp_path) == expected
