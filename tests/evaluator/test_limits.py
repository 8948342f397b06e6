"""Every limit at its edge: what stays just below passes, what goes just above gets its verdict."""

import contextlib
import dataclasses
import json
import os
import re
import resource
import time
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest
import torch

from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.refit import Budget
from evaluator.sandbox import cgroups
from evaluator.sandbox.limits import Limits
from tests.support.bundles import SMALL, make_bundle
from tests.support.processes import alive, descendants

LINE = "from torch import nn\ndef build(i, o):\n    return nn.Linear(i, o)\n"
STATE = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}
X = np.zeros((4, 2))
MIB = 1 << 20

# Each figure is the most that went well.
EDGES = """
import ctypes, json, os, threading, torch

def most(attempt, step, top):
    reached = 0
    while reached < top:
        try:
            attempt(reached + step)
        except (OSError, RuntimeError):
            return reached
        reached += step
    return reached

def write(path):
    def attempt(size):
        with open(path, "wb") as file:
            file.write(bytes(size))
    return attempt

kept = []
stop = threading.Event()

def start(_number):
    threading.Thread(target=stop.wait, daemon=True).start()

found = {"torch": torch.get_num_threads()}
found["file"] = most(write("/tmp/one"), 1 << 20, 1 << 30)
os.truncate("/tmp/one", 0)
folder = [0]

def fill(_size):
    folder[0] += 1
    write(f"/tmp/{folder[0]}")(1 << 20)

found["tmp"] = most(fill, 1 << 20, 1 << 30)
def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

# There is no /proc to list them in.
free = sum(map(is_open, range(1000)))
found["files"] = free + most(lambda _: kept.append(os.open("/usr", os.O_RDONLY)), 1, 1000)
for descriptor in kept:
    os.close(descriptor)

def is_task(number):
    tgkill = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
    return ctypes.CDLL(None).syscall(tgkill, os.getpid(), number, 0) == 0

before = sum(map(is_task, range(1, 1000)))
found["tasks"] = before + most(start, 1, 1000)
stop.set()
raise RuntimeError("FOUND" + json.dumps(found) + "END")
"""


def ends(reason, act):
    with pytest.raises(EvaluationError) as caught:
        act()
    assert caught.value.reason is reason, (caught.value, caught.value.private)
    assert caught.value.fault == ("platform" if reason is Reason.SANDBOX_UNAVAILABLE else "submission")
    return caught.value


@pytest.fixture
def many_files():
    """A judge with more files open than a sandbox may have, and than select(2) can count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with contextlib.ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            held.enter_context(Path("/dev/null").open("rb"))
        yield


@pytest.mark.usefixtures("many_files")
def test_files_sizes_and_threads_end_exactly_at_their_limits(start, sandbox):
    if sandbox.name.startswith("landlock"):
        pytest.skip("Landlock has no /tmp to fill")
    session = start(EDGES, load_seconds=60.0, files=100, processes=20, threads=2)
    found = json.loads(
        ends(Reason.MODEL_CODE_FAILED, session.load).private.rpartition("FOUND")[2].partition("END")[0]
    )
    # Of the folder one page may be taken by itself; of the tasks two are the sandbox's own.
    assert found == {"torch": 2, "file": 4 * MIB, "tmp": ANY, "files": 100, "tasks": ANY}
    assert 7 * MIB <= found["tmp"] <= 8 * MIB
    tasks = Limits(processes=20, threads=2).tasks
    assert tasks - 2 <= found["tasks"] <= tasks


@pytest.mark.parametrize(("more", "reason"), [(0, None), (1, Reason.OUTPUT_FLOOD)])
def test_output(start, more, reason):
    source = f"import os\nos.write(2, b'x' * {65536 + more})\n" + LINE
    session = start(source, state=STATE, output_bytes=65536, load_seconds=30.0)
    if reason is None:
        session.load()
        session.predict(X)
    else:
        assert "64 KiB" in ends(reason, lambda: (session.load(), session.predict(X))).sentence


@pytest.mark.parametrize(("seconds", "limit", "reason"), [(0.5, 6.0, None), (30, 1.0, Reason.TIME_EXCEEDED)])
def test_seconds_of_a_load_and_a_request(start, seconds, limit, reason):
    slow = f"import time\n{LINE}class Slow(nn.Linear):\n    def forward(self, x):\n"
    slow += f"        time.sleep({seconds})\n        return super().forward(x)\n"
    slow += "def build(i, o):\n    return Slow(i, o)\n"
    session = start(slow, state=STATE, load_seconds=30.0, request_seconds=limit)
    session.load()
    passes(reason, lambda: session.predict(X))
    if reason:
        session = start(f"import time\ntime.sleep({seconds})\n" + LINE, state=STATE, load_seconds=limit)
        passes(reason, session.load)


@pytest.mark.slow
def test_seconds_in_all(start):
    session = start(LINE, state=STATE, load_seconds=30.0, total_seconds=20.0)
    began = time.monotonic()
    session.load()
    while time.monotonic() - began < 8:
        session.predict(X)
    time.sleep(12.5)
    ends(Reason.TIME_EXCEEDED, lambda: session.predict(X))


def passes(reason, act):
    if reason is None:
        act()
    else:
        ends(reason, act)


def test_a_fit_of_its_own_has_its_budget_and_a_moment(start, monkeypatch):
    monkeypatch.setattr("evaluator.sandbox.session.GRACE_SECONDS", 0.5)
    own = "import time\n" + LINE + "def fit(model, x, y, budget):\n    time.sleep(float(y[0, 0]))\n"
    session = start(own, state=STATE, load_seconds=30.0)
    session.load()
    assert session.fit(X, np.full((4, 1), 0.3), Budget(seconds=3.0), 0) >= 0.3
    ends(Reason.TIME_EXCEEDED, lambda: session.fit(X, np.full((4, 1), 9.0), Budget(seconds=1.0), 0))


@pytest.mark.slow
def test_processor_time_is_what_the_kernel_counted(start):
    burn = "import time\nwhile time.process_time() < {}:\n    pass\n" + LINE
    start(burn.format(3.0), state=STATE, cpu_seconds=8, load_seconds=60.0).load()
    error = ends(
        Reason.TIME_EXCEEDED,
        start(burn.format(100.0), state=STATE, cpu_seconds=5, load_seconds=100.0).load,
    )
    assert "5 s of processor time" in error.sentence


def test_requests_are_split_at_their_points(start):
    source = LINE.replace("return nn.Linear(i, o)", "return Few(i, o)")
    source += "class Few(nn.Linear):\n    def forward(self, x):\n        assert len(x) <= 100\n"
    source += "        return super().forward(x)\n"
    session = start(source, state=STATE, request_points=100, load_seconds=30.0)
    session.load()
    assert session.predict(np.zeros((250, 2))).shape == (250, 1)
    session = start(source, state=STATE, request_points=101, load_seconds=30.0)
    session.load()
    ends(Reason.FORWARD_FAILED, lambda: session.predict(np.zeros((250, 2))))


def test_a_child_that_is_not_ready_in_time_is_our_fault(start):
    error = ends(Reason.SANDBOX_UNAVAILABLE, lambda: start(LINE, start_seconds=0.05))
    assert re.search(r"did not start, with \d+\.\d s of processor time: ", error.sentence)


def test_of_a_child_that_was_given_up_while_it_started_nothing_is_left(sandbox):
    bundle = make_bundle(LINE)
    with sandbox.start(bundle, limits=SMALL, device="cpu"):
        # From here on the server is there, from which others are forked.
        pass
    there = descendants(os.getpid())
    for hundredths in range(1, 13):
        limits = dataclasses.replace(SMALL, start_seconds=hundredths / 100)
        session = sandbox.start(bundle, limits=limits, device="cpu")
        seen = descendants(os.getpid())
        with contextlib.suppress(EvaluationError), session:
            pass
        assert not [pid for pid in alive(seen | descendants(os.getpid())) if pid not in there]


def test_address_space(start):
    for size, reason in ((1 << 30, None), (3 << 30, Reason.MEMORY_EXCEEDED)):
        session = start(f"x = bytearray({size})\n" + LINE, state=STATE, memory_bytes=3 << 30, load_seconds=60)
        passes(reason, session.load)


HOARDS = {
    "private": "a = bytearray({})\n",
    "shared": "import mmap\nb = mmap.mmap(-1, {0})\nfor at in range(0, {0}, 4096):\n    b[at] = 1\n",
    "in a file": "c = open('/tmp/x', 'wb')\nfor _ in range({} >> 20):\n    c.write(bytes(1 << 20))\n",
    "in a memory file": "import os\nd = os.memfd_create('x')\nfor _ in range({} >> 20):\n"
    "    os.write(d, bytes(1 << 20))\n",
}


@pytest.fixture
def hoard(start, sandbox, monkeypatch):
    """hoard(source) loads it with 1 GiB of memory for everything, address space not limited."""
    if sandbox.name.startswith("landlock"):
        pytest.skip("Landlock is not used with a GPU")
    # As with a GPU, where address space is not limited and memory files are allowed.
    monkeypatch.setattr("evaluator.sandbox.process.wants_gpu", lambda _device: True)
    monkeypatch.setattr("evaluator.sandbox.bubblewrap.wants_gpu", lambda _device: True)
    limits = {"memory_bytes": 1 << 30, "tmp_bytes": 4 << 30, "file_bytes": 4 << 30, "load_seconds": 100.0}
    return lambda source: start(source + LINE, state=STATE, **limits)


NEEDS_GROUPS = pytest.mark.skipif(cgroups.find() is None, reason="no control groups can be made here")


@NEEDS_GROUPS
def test_memory_of_every_kind_is_there(hoard):
    hoard("".join(one.format(150 * MIB) for one in HOARDS.values())).load()


@NEEDS_GROUPS
@pytest.mark.parametrize("kind", HOARDS)
def test_memory_of_every_kind_is_counted(hoard, kind):
    session = hoard(HOARDS[kind].format(1100 * MIB))
    error = ends(Reason.MEMORY_EXCEEDED, session.load)
    assert "1,024 MiB in all" in error.sentence
    assert session._process.used.oom_kills >= 1


def test_a_gpu_without_control_groups_runs_no_strangers_code(sandbox, monkeypatch):
    if sandbox.name.startswith("landlock"):
        pytest.skip("Landlock is not used with a GPU")
    monkeypatch.setattr("evaluator.sandbox.bubblewrap.wants_gpu", lambda _device: True)
    monkeypatch.setattr(sandbox, "_groups", None)
    error = ends(Reason.SANDBOX_UNAVAILABLE, lambda: sandbox.start(ANY, limits=Limits()))
    assert cgroups.VARIABLE in error.sentence
    assert "development" in sandbox.describe()["memory"]


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MBC_LIMIT_MEMORY_BYTES", "12345")
    monkeypatch.setenv("MBC_LIMIT_LOAD_SECONDS", "1.5")
    limits = Limits.from_environment()
    assert limits == dataclasses.replace(Limits(), memory_bytes=12345, load_seconds=1.5)
    for text in ("0", "-1", "many", "nan"):
        monkeypatch.setenv("MBC_LIMIT_LOAD_SECONDS", text)
        with pytest.raises(ValueError, match="MBC_LIMIT_LOAD_SECONDS"):
            Limits.from_environment()
