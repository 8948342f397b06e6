"""The copy in memory that sandboxes see: shared, whole, removed in the end, and no channel between them."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.preflight import check_sealed
from evaluator.sandbox import Unconfined, sealed_tree
from evaluator.sandbox.sealed_tree import SHARED_MEMORY, NotSealed

pytestmark = pytest.mark.sandbox

# What a submission can do to leave a message to the next sandbox, and to read one.
WAYS = """
import ctypes, mmap, os, resource, torch

libc = ctypes.CDLL(None, use_errno=True)
found = {}

def attempt(name, act):
    try:
        found[name] = act()
    except OSError as error:
        found[name] = error.errno

path = torch.__file__.replace("__init__.py", "lib/libtorch_cpu.so")
file = os.open(path, os.O_RDONLY)
attempt("fadvise", lambda: os.posix_fadvise(file, 0, 1 << 20, os.POSIX_FADV_DONTNEED))
attempt("nowait", lambda: os.preadv(file, [bytearray(4096)], 1 << 20, os.RWF_NOWAIT))
attempt("readahead", lambda: libc.readahead(file, 0, 1 << 20) or os.strerror(ctypes.get_errno()))
attempt("counter", lambda: open("/proc/sys/fs/dentry-state").read())
for name in range(2000):
    os.path.exists(f"/usr/lib/absent-{name}")
    os.path.exists(os.path.join(os.path.dirname(path), f"absent-{name}"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
with mmap.mmap(file, 64 << 20, prot=mmap.PROT_READ) as seen:
    found["sum"] = sum(seen[at] for at in range(0, len(seen), 4096)) >= 0
found["major faults"] = resource.getrusage(resource.RUSAGE_SELF).ru_majflt - before
found["file system"] = os.statvfs(path).f_flag & os.ST_RDONLY
times = os.stat(path)
found["times"] = (times.st_atime, times.st_mtime)
for name in ("loadavg", "uptime", "stat", "vmstat", "diskstats"):
    attempt(name, lambda: open(f"/proc/{name}").read())
raise KeyError(repr(found))
"""


def tried(start):
    """What the ways gave in a fresh sandbox."""
    with pytest.raises(EvaluationError) as caught:
        start(WAYS, load_seconds=60.0).load()
    assert caught.value.reason is Reason.MODEL_CODE_FAILED
    line = caught.value.private.splitlines()[-1]
    return eval(line.removeprefix("KeyError: ").strip("\"'").replace("\\'", "'"))


def test_no_sandbox_can_leave_a_message_to_the_next(start):
    first, second = tried(start), tried(start)
    for found in (first, second):
        assert found["fadvise"] in (38, 1), "ENOSYS or EPERM"
        assert found["nowait"] in (38, 95), "ENOSYS, and behind it EOPNOTSUPP"
        assert found["counter"] == 2, "ENOENT"
        assert found["major faults"] == 0
        assert found["file system"]
        assert [found[name] for name in ("loadavg", "uptime", "stat", "vmstat", "diskstats")] == [""] * 5
    # Reading a file leaves no access time.
    assert first == second


def test_absent_names_leave_nothing_with_the_kernel(start):
    def negative():
        return int(Path("/proc/sys/fs/dentry-state").read_text().split()[4])

    source = "import os\nfor n in range(20000):\n    os.path.exists(f'/usr/lib/{n:040}')\nraise KeyError"
    before = negative()
    with pytest.raises(EvaluationError):
        start(source).load()
    # Whatever else runs on this machine adds some of its own.
    assert negative() - before < 10_000


def test_only_what_is_promised_is_there(start):
    source = """
        import importlib, os
        for name in ("torch", "numpy", "scipy.optimize", "sklearn.ensemble", "safetensors.torch", "json"):
            importlib.import_module(name)
        for name in ("flask", "matplotlib", "pip", "numba", "challenge", "test"):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
            raise RuntimeError(name)
        raise KeyError(sorted(os.listdir("/usr/bin")))
    """
    with pytest.raises(EvaluationError) as caught:
        start(textwrap.dedent(source), load_seconds=60.0).load()
    assert "KeyError" in caught.value.private
    assert "env" not in caught.value.private.splitlines()[-1].replace("venv", "")


HOLD = """
import sys
sys.path.insert(0, {root!r})
from evaluator.sandbox.sealed_tree import sealed_tree
print(sealed_tree().path, flush=True)
sys.stdin.read()
"""


def test_evaluators_share_one_copy_and_the_last_one_removes_it():
    # A version of its own, so that no other evaluator of this machine holds it.
    program = HOLD.format(root=str(Path.cwd())).replace(
        "import sys\n", "import sys\nsys.version += ' test'\n", 1
    )

    def begin():
        return subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    first, second = begin(), begin()
    tree = Path(first.stdout.readline().strip())
    assert second.stdout.readline().strip() == str(tree)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert tree.is_dir()
    second.communicate("")
    assert not tree.exists()
    assert not list(SHARED_MEMORY.glob(f"{tree.name}*"))
    for process in (first, second):
        process.stdout.close()
        process.stdin.close()


def test_a_folder_on_a_disk_is_no_place_for_it(tmp_path):
    with pytest.raises(NotSealed, match="not a file system in memory"):
        sealed_tree.sealed_tree(tmp_path)


def test_a_machine_without_room_says_how_much_is_needed(monkeypatch, tmp_path):
    monkeypatch.setattr(sealed_tree, "_available", lambda: 1 << 30)
    with pytest.raises(NotSealed, match="MiB are free"):
        sealed_tree._make(SHARED_MEMORY / f"mbc-sandbox-{os.geteuid()}-none")


def test_without_it_only_a_board_of_this_machine_is_judged(sandbox):
    check_sealed(sandbox, "https://board.example")
    check_sealed(Unconfined(), "http://127.0.0.1:8000")
    check_sealed(Unconfined(), "http://[::1]:8000")
    with pytest.raises(EvaluationError, match="leave messages") as caught:
        check_sealed(Unconfined(), "https://board.example")
    assert caught.value.reason is Reason.SANDBOX_UNAVAILABLE
