"""Where control groups can be had, what they are told, and that nothing of them stays."""

import errno
import os
from pathlib import Path

import pytest

from evaluator.sandbox import cgroups
from evaluator.sandbox.cgroups import Groups
from evaluator.sandbox.limits import Limits

FOUND = cgroups.find()
LIMITS = Limits(memory_bytes=1 << 30, processes=10, threads=2)


def fake(tmp_path, monkeypatch, mounts, own):
    """A process that sees these mounts and belongs to these groups."""
    real = Path.read_text

    def read_text(self, *rest, **more):
        told = {"/proc/self/mountinfo": mounts, "/proc/self/cgroup": own}
        return told[str(self)] if str(self) in told else real(self, *rest, **more)

    monkeypatch.setattr(Path, "read_text", read_text)


def test_version_1_is_found_where_it_is_mounted(tmp_path, monkeypatch):
    for name in ("memory", "pids"):
        (tmp_path / name / "mine").mkdir(parents=True)
    mounts = "".join(
        f"3{i} 2 0:3 / {tmp_path}/{name} rw - cgroup cgroup rw,{name}\n"
        for i, name in enumerate(("memory", "pids"))
    )
    fake(tmp_path, monkeypatch, mounts, "4:memory:/mine\n3:pids:/mine\n")
    assert cgroups.find() == Groups(1, {n: tmp_path / n / "mine" for n in ("memory", "pids")})


def test_version_2_is_found_and_hands_its_controllers_on(tmp_path, monkeypatch):
    own = tmp_path / "mine"
    own.mkdir()
    (own / "cgroup.controllers").write_text("cpu memory pids\n")
    (own / "cgroup.subtree_control").touch()
    # In a container the mount shows the part below its own root.
    fake(tmp_path, monkeypatch, f"30 2 0:3 /outer {tmp_path} rw - cgroup2 cgroup2 rw\n", "0::/outer/mine\n")
    found = cgroups.find()
    assert found == Groups(2, dict.fromkeys(("memory", "pids", "cpu"), own))
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    (group,), counters = found.plan(LIMITS)
    assert group["values"] == {
        "memory.max": str(1 << 30),
        "?memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "18",
        "cpu.max": "200000 100000",
    }
    assert counters["oom_kills"] == [f"{group['folder']}/memory.events", "oom_kill"]


class Busy:
    """A group of version 2: it hands nothing on while processes are in it, and they can be moved."""

    def __init__(self, monkeypatch, folder, processes):
        self.inside, self.moved, self.told = set(processes), set(), ""
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.controllers").write_text("memory pids")
        read, write = Path.read_text, Path.write_text

        def read_text(path, *rest, **more):
            if path == folder / "cgroup.procs":
                return "".join(f"{one}\n" for one in self.inside)
            return read(path, *rest, **more)

        def write_text(path, text, *rest, **more):
            if path == folder / "cgroup.subtree_control":
                if self.inside:
                    raise OSError(errno.EBUSY, "Device or resource busy")
                self.told = text
            elif path == folder / "mbc-evaluator" / "cgroup.procs":
                self.inside.discard(int(text))
                self.moved.add(int(text))
            else:
                return write(path, text, *rest, **more)
            return len(text)

        monkeypatch.setattr(Path, "read_text", read_text)
        monkeypatch.setattr(Path, "write_text", write_text)


def test_the_evaluator_makes_room_where_it_is_alone_in_its_group(tmp_path, monkeypatch):
    group = Busy(monkeypatch, tmp_path, {os.getpid()})
    monkeypatch.setenv(cgroups.VARIABLE, str(tmp_path))
    fake(tmp_path, monkeypatch, "", "")
    assert cgroups.find() == Groups(2, dict.fromkeys(("memory", "pids"), tmp_path))
    assert (group.moved, group.told) == ({os.getpid()}, "+memory +pids")


def test_it_moves_others_in_a_group_that_was_handed_on_alone(tmp_path, monkeypatch):
    group = Busy(monkeypatch, tmp_path, {os.getpid(), 4_000_001})
    monkeypatch.setenv(cgroups.VARIABLE, str(tmp_path))
    fake(tmp_path, monkeypatch, "", "")
    assert cgroups.find() is None
    assert not group.moved
    attributes = {(tmp_path, "user.delegate"): b"1"}
    monkeypatch.setattr(os, "getxattr", lambda *asked: attributes[asked])
    assert cgroups.find() == Groups(2, dict.fromkeys(("memory", "pids"), tmp_path))
    assert group.moved == {os.getpid(), 4_000_001}


def test_what_was_started_by_one_that_made_room_finds_the_group_above(tmp_path, monkeypatch):
    leaf = tmp_path / "mine" / "mbc-evaluator"
    leaf.mkdir(parents=True)
    for folder in (leaf, leaf.parent):
        (folder / "cgroup.controllers").write_text("memory pids\n")
        (folder / "cgroup.subtree_control").touch()
    mounts = f"30 2 0:3 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    fake(tmp_path, monkeypatch, mounts, "0::/mine/mbc-evaluator\n")
    assert cgroups.find() == Groups(2, dict.fromkeys(("memory", "pids"), leaf.parent))


def test_without_a_memory_controller_there_are_none(tmp_path, monkeypatch):
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    monkeypatch.setenv(cgroups.VARIABLE, str(tmp_path))
    fake(tmp_path, monkeypatch, "", "")
    assert cgroups.find() is None
    monkeypatch.setenv(cgroups.VARIABLE, str(tmp_path / "none"))
    assert cgroups.find() is None


@pytest.mark.skipif(FOUND is None, reason="no control groups can be made here")
def test_a_sandbox_lies_in_its_groups_and_they_go_with_it(start):
    session = start()
    session.load()
    mine = [path for f in set(FOUND.folders.values()) for path in f.glob(f"mbc-{os.getpid()}-*")]
    assert len(mine) == len(set(FOUND.folders.values()))
    assert all(len((path / "cgroup.procs").read_text().split()) >= 2 for path in mine)
    assert FOUND.name in session_name()
    session.__exit__(None, None, None)
    assert not [path for path in mine if path.exists()]


def session_name():
    from evaluator.sandbox import find_sandbox

    return find_sandbox(allow_unconfined=False).name


@pytest.mark.skipif(FOUND is None, reason="no control groups can be made here")
def test_groups_of_the_dead_are_removed_and_those_of_the_living_stay():
    folder = FOUND.folders["memory"]
    number, started = os.getpid(), cgroups._started(os.getpid())
    dead, living = folder / f"mbc-{number}-1-0", folder / f"mbc-{number}-{started}-999999"
    for path in (dead, living):
        path.mkdir()
    try:
        cgroups.find()
        assert not dead.exists()
        assert living.exists()
    finally:
        living.rmdir()
