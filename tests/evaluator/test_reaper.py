"""Whoever is killed, and whenever: nothing of a sandbox stays."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from evaluator.sandbox import cgroups, staging
from tests.support import providers
from tests.support.bundles import make_bundle
from tests.support.processes import alive, descendants, started

ROOT = Path(__file__).parents[2]
# The sandbox's first process leaves its session, ignores what can be ignored, and asks to outlive its parent.
STUBBORN = b"""
import ctypes, os, signal, time
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
time.sleep(1000)
"""
# Imports once, then for each line becomes another judge, which starts a sandbox; says its number.
JUDGES = f"""
    import os, signal, sys
    sys.path.insert(0, {str(ROOT)!r})
    from challenge.bundle.manifest import Manifest
    from challenge.bundle.reader import Bundle
    from evaluator.sandbox.limits import Limits
    from evaluator.sandbox import providers
    files = {{"model.py": {STUBBORN!r}, "weights.safetensors": {make_bundle().weights!r}}}
    bundle = Bundle(Manifest("a", "b", "c"), files)
    sandbox = providers(strangers=True)[sys.argv[1]]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        judge = os.fork()
        if judge:
            print(judge, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with sandbox.start(bundle, limits=Limits(), device="cpu") as session:
            print("started", session.pid, flush=True)
            session.load()
"""


@pytest.fixture(scope="module", params=providers.FIRST)
def judges(request):
    providers.provider(request.param)
    with judging(request.param) as begin:
        yield begin


@contextlib.contextmanager
def judging(provider="bubblewrap"):
    """Starts a judge that starts a sandbox; gives its number, and where it says that it has."""
    first = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(JUDGES), provider],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def begin():
        first.stdin.write("go\n")
        first.stdin.flush()
        return int(first.stdout.readline()), first.stdout

    with first:
        yield begin
        first.kill()


def of_sandboxes(marks):
    """Processes that were started since, and belong to a sandbox by their command."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in marks:
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"bwrap" in line or b"reaper.py" in line or b"/runner/" in line:
                found[int(entry.name)] = line
    return found


def groups_of(process):
    """Control groups that are called after a process."""
    found = cgroups.find()
    return [path for f in set(found.folders.values()) for path in f.glob(f"mbc-{process}-*")] if found else []


def folders_of(process):
    """Folders with a sandbox's files that a process has made."""
    return list(Path(tempfile.gettempdir()).glob(f"mbc-sandbox-{process}-*"))


def left_of(process, kin, seconds=10.0):
    """Processes and groups that are there after a while."""
    deadline = time.monotonic() + seconds
    while (left := [*alive(kin), *groups_of(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def kill_early(begin, count, within, seed):
    """Kill judges at random moments after they have begun to start a sandbox; how many left something."""
    chance = random.Random(seed)
    survivors = 0
    before = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    for _ in range(count):
        judge, _ = begin()
        time.sleep(chance.uniform(0, within))
        os.kill(judge, signal.SIGKILL)
        survivors += bool(left_of(judge, {judge: started(judge)}))
    # What is left has lost its parent, or waits for ever.
    deadline = time.monotonic() + 20
    while (left := orphans(before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return survivors + len(left)


def orphans(before):
    """Processes of sandboxes, started since, that belong to no judge that lives."""
    return [process for process in of_sandboxes(before) if _lost(process)]


def _lost(process):
    parent = _parent(process)
    return parent in (None, 1) or (parent in of_sandboxes(set()) and _lost(parent))


def _parent(process):
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def members(judge, reaper):
    """By name, the processes that a running sandbox depends on; those of a fork server where it has one."""
    family = descendants(judge)

    def below(process):
        return next((child for child in family if _parent(child) == process and child != reaper), None)

    found = {"judge": judge, "reaper": reaper}
    if below(reaper):
        return found | {"sandbox": below(reaper)}
    server = below(below(below(judge)))
    return found | {"server": server, "supervisor": below(server), "sandbox": below(below(server))}


@pytest.mark.parametrize("victim", ["judge", "reaper", "sandbox", "server", "supervisor"])
def test_of_a_running_sandbox_nothing_is_left(judges, victim):
    judge, said = judges()
    reaper = int(said.readline().removeprefix("started "))
    family = descendants(judge)
    there = members(judge, reaper)
    if victim not in there:
        pytest.skip(f"no {victim} here: each sandbox is started by itself")
    assert there[victim]
    os.kill(there[victim], signal.SIGKILL)
    family[judge] = started(judge)
    assert not left_of(judge, family)
    assert not folders_of(judge)


def test_what_a_killed_judge_and_reaper_leave_is_removed_by_the_next(judges):
    judge, said = judges()
    reaper = int(said.readline().removeprefix("started "))
    family = descendants(judge)
    for victim in (judge, reaper):
        os.kill(victim, signal.SIGKILL)
    assert not left_of(0, family)
    cgroups.find()
    staging.remove_stale()
    assert not groups_of(judge)
    assert not folders_of(judge)


def test_judges_that_are_killed_early_leave_nothing(judges):
    assert kill_early(judges, 30, 0.012, 1) + kill_early(judges, 10, 0.2, 1) == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_four_hundred_early_kills_leave_nothing(judges):
    assert kill_early(judges, 300, 0.012, 2) + kill_early(judges, 100, 0.3, 3) == 0
