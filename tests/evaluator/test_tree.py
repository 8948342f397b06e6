"""The tree in memory that sandboxes see: what it holds, who shares it, and how alike they look in it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from challenge.results.verdicts import EvaluationError, Reason
from challenge.scoring.season import PRACTICE
from evaluator.assignment import Assignment
from evaluator.samples_track.task import SamplesTask
from evaluator.sandbox import Bubblewrap, elf, require_loopback, tree, tree_builder, tree_files
from evaluator.sandbox.limits import MIB, Limits
from evaluator.tiles import TileRenderer
from evaluator.wall_limit import WallLimit
from tests.support import providers
from tests.support.bundles import make_bundle
from tests.support.providers import needs_bubblewrap

ROOT = Path(__file__).parents[2]
STATE = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}
# Prints all that it can see, without what only the clock tells.
LOOK = """
import json, os, resource, stat, sys
from torch import nn
import torch
seen = {"environment": dict(os.environ), "arguments": sys.argv, "path": sys.path, "ids": os.getresuid()}
seen["threads"] = torch.get_num_threads()
seen["cores"] = os.cpu_count(), sorted(os.sched_getaffinity(0)), os.getpid()
seen["options"] = sys.modules["__main__"].OPTIONS
seen["uname"] = tuple(os.uname())
limits = [name for name in dir(resource) if name.startswith("RLIMIT")]
seen["limits"] = {name: resource.getrlimit(getattr(resource, name)) for name in limits}
def open_file(number):
    try:
        return stat.S_IFMT(os.fstat(number).st_mode)
    except OSError:
        return None
seen["descriptors"] = {n: open_file(n) for n in range(256)}
def space(path):
    s = os.statvfs(path)
    return s.f_blocks, s.f_bfree, s.f_files, s.f_flag
seen["space"] = {path: space(path) for path in ("/", "/usr", "/tmp", "/dev/shm", "/bundle")}
# Weights, or none, are what it is given.
GIVEN = {"/bundle/weights.safetensors"}
digest = {}
for folder, folders, files in os.walk("/"):
    for name in folders + files:
        path = os.path.join(folder, name)
        one = os.lstat(path)
        size = 0 if path in GIVEN else one.st_size
        # Devices are the machine's, and Python looks whether it can write to its own /tmp.
        ours = path != "/tmp" and not stat.S_ISCHR(one.st_mode)
        digest[path] = one.st_mode, size, one.st_uid, one.st_nlink, one.st_mtime_ns if ours else 0
seen["files"] = sorted(digest.items())
import hashlib
files = hashlib.sha256(json.dumps(seen.pop("files")).encode()).hexdigest()
short = {name: hashlib.sha256(json.dumps(one).encode()).hexdigest()[:8] for name, one in seen.items()}
print(len(digest), files, json.dumps(short), flush=True)
def build(i, o):
    return nn.Linear(i, o)
"""


@pytest.fixture(scope="session")
def sandbox():
    """The tree is bubblewrap's alone."""
    return providers.provider("bubblewrap")


def look(start, **limits):
    session = start(LOOK, state=STATE, load_seconds=60.0, **limits)
    session.load()
    said = session._process.said()
    session.__exit__(None, None, None)
    return said


@needs_bubblewrap
def test_all_sandboxes_look_alike(start):
    one = look(start)
    assert int(one.split()[0]) > 1000
    assert len(json.loads(one[one.index("{") :])) == 11
    held = [os.pipe() for _ in range(30)]
    try:
        other = look(start)
    finally:
        for pair in held:
            for descriptor in pair:
                os.close(descriptor)
    assert one == other
    # So that equal means something: a limit that differs is seen.
    assert look(start, files=255) != one


def test_all_phases_look_alike_with_their_own_limits(sandbox):
    bundle = make_bundle(LOOK, STATE)
    judged = Assignment(bundle, PRACTICE, sandbox, limits=Limits(), device="cpu")
    watched = SamplesTask(bundle, PRACTICE, sandbox, limits=Limits(), device="cpu")
    renderer = TileRenderer(None, sandbox, Limits(), "cpu")
    wall = WallLimit("All of it", 500.0)
    phases = {
        "octaves": judged.start(bundle, wall),
        "certificate": judged.start(bundle.without_weights(), wall),
        "control of the samples track": watched.start_control(wall),
        "fit of the samples track": watched.start_fit(7.0, wall),
        "prediction of the samples track": watched.start_prediction(7.0, wall),
        "tiles": renderer.models._start(bundle),
    }
    seen = {}
    for name, phase in phases.items():
        with phase as session:
            session.build(2, 1, 0)
            said = session._process.said()
            seen[name] = said.split()[:2], json.loads(said[said.index("{") :])
    first = seen["octaves"]
    for name, (files, found) in seen.items():
        # How many threads torch has is part of what each track gives.
        differing = {key for key in found if found[key] != first[1][key]} - {"threads"}
        assert not differing, (name, differing)
        assert files == first[0], name
    assert seen["certificate"] == first
    tracks = [seen[name][1]["threads"] for name in seen if "track" in name]
    assert tracks[1] == tracks[2]


@needs_bubblewrap
def test_the_tree_holds_what_is_needed_and_little_else(start):
    source = """
        import glob, os, scipy.optimize, sklearn.tree, safetensors.torch
        from torch import nn
        seen = [p for p in ("/usr/share", "/usr/bin/env", "/bin/sh", "/etc/passwd", "/proc/1", "/sys/kernel")
                if os.path.exists(p)]
        seen += set(glob.glob("/etc/*")) - {"/etc/ld.so.cache"}
        seen += set(glob.glob("/dev/*")) - {f"/dev/{n}" for n in "null zero full random urandom shm".split()}
        try:
            open(os.__file__, "r+")
            seen.append("writable")
        except OSError:
            pass
        assert not seen, seen
        def build(i, o):
            return nn.Linear(i, o)
    """
    start(textwrap.dedent(source), state=STATE, load_seconds=100.0).load()
    made = tree.shared()
    assert 50 * MIB < made.size < 8192 * MIB
    assert "MiB" in made.describe()
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert made.swappable == (os.geteuid() != 0 or release < (6, 4))
    assert ("never swapped" in made.describe()) != made.swappable


@needs_bubblewrap
def test_all_files_have_one_time_and_compiled_modules_are_valid(start):
    source = f"""
        import importlib.util, json, os, stat, struct, torch
        from torch import nn
        seen = {{"/": os.lstat("/")}}
        for folder, folders, files in os.walk("/"):
            seen |= {{p: os.lstat(p) for p in (os.path.join(folder, name) for name in folders + files)}}
        assert {{"/bundle", "/bundle/model.py", "/runner/runner.py", "/dev/shm", os.__file__}} < set(seen)
        # Python looks whether it can write to it.
        del seen["/tmp"]
        odd = [p for p, one in seen.items() if one.st_mtime_ns != {10**9 * tree_builder.SECONDS}]
        assert not [p for p in odd if not stat.S_ISCHR(seen[p].st_mode)], odd[:20]
        places = [importlib.util.cache_from_source(module.__file__) for module in (os, json, torch)]
        heads = [open(place, "rb").read(16) for place in places if os.path.exists(place)]
        assert heads
        assert {{struct.unpack("<4xII4x", head) for head in heads}} == {{(0, {tree_builder.SECONDS})}}
        def build(i, o):
            return nn.Linear(i, o)
    """
    start(textwrap.dedent(source), state=STATE, load_seconds=60.0).load()


@needs_bubblewrap
@pytest.mark.sandbox
def test_reads_that_never_wait_are_refused_by_the_tree():
    sandbox = Bubblewrap()
    asked = "import os; f = os.open(os.__file__, 0); print(os.preadv(f, [bytearray(9)], 0, os.RWF_NOWAIT))"
    assert "Operation not supported" in sandbox._try(asked).stderr
    assert sandbox._try(asked.replace(", os.RWF_NOWAIT", "")).stdout == "9\n"


@needs_bubblewrap
@pytest.mark.sandbox
def test_a_channel_between_sandboxes_keeps_them_from_judging(monkeypatch):
    sandbox = Bubblewrap()
    sandbox.try_out()
    # As if the tree lay on a disk: what it binds is the host's.
    shared = Bubblewrap(strangers=False)
    monkeypatch.setattr(sandbox, "_arguments", shared._arguments)
    with pytest.raises(EvaluationError) as caught:
        sandbox.try_out()
    assert "another sandbox" in caught.value.sentence


@needs_bubblewrap
@pytest.mark.sandbox
def test_two_processes_share_one_tree_and_nothing_is_left_of_it():
    # Anew: an earlier test may have looked for it in another folder.
    tree.shared.cache_clear()
    mine = tree.shared()
    program = f"""
        import os, sys
        sys.path.insert(0, {str(ROOT)!r})
        from evaluator.sandbox import tree
        print(os.fstat(tree.shared().namespaces[-1]).st_ino)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) == os.fstat(mine.namespaces[-1]).st_ino
    assert mine.root not in {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()
                             if line.startswith("tmpfs") and "nosuid,nodev,noatime" in line}  # fmt: skip


@needs_bubblewrap
@pytest.mark.sandbox
def test_too_little_memory_is_said_and_marked(monkeypatch):
    monkeypatch.setattr(tree, "_available", lambda: 100 * MIB)
    with pytest.raises(EvaluationError, match="100 MiB of memory") as caught:
        tree.build()
    assert caught.value.reason is Reason.SANDBOX_UNAVAILABLE
    monkeypatch.setattr(tree, "shared", tree.build)
    sandbox = Bubblewrap()
    assert "100 MiB" in sandbox.unsealed
    assert "not sealed" in sandbox.name
    assert "can talk" in sandbox.describe()["between sandboxes"]
    require_loopback(sandbox, "http://127.0.0.1:8000")
    require_loopback(sandbox, "http://localhost:8000")
    with pytest.raises(EvaluationError, match="board"):
        require_loopback(sandbox, "https://board.example")


@needs_bubblewrap
@pytest.mark.sandbox
def test_a_sealed_sandbox_judges_for_any_board():
    require_loopback(Bubblewrap(), "https://board.example")


def test_needed_libraries_are_read_from_elf_files():
    ran = subprocess.run(["/usr/bin/env", "ldd", sys.executable], capture_output=True, text=True, check=True)
    expected = {line.split()[0] for line in ran.stdout.splitlines() if "=>" in line}
    names, loader = elf.needed(os.path.realpath(sys.executable))
    assert set(names) <= expected
    assert "libc.so.6" in names
    assert Path(loader).exists()
    assert elf.needed(__file__) == ([], "")
    assert Path(elf.loader_cache()["libc.so.6"]).exists()


def test_links_on_the_way_are_part_of_the_tree(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").symlink_to("link/file")
    found = tree_files.Files()
    found.add(str(tmp_path / "other"))
    found.add(str(tmp_path / "absent"))
    assert found.files == {str(tmp_path / "real" / "file"): 1}
    assert found.links == {str(tmp_path / "link"): "real", str(tmp_path / "other"): "link/file"}
