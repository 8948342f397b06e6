"""Hostile submissions in the real sandbox: what is out of reach, and how each attack ends."""

import dataclasses
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch

from challenge.verdicts import EvaluationError, Reason
from evaluator import sandbox as sandboxes
from evaluator.limits import Limits
from evaluator.sandbox import Bubblewrap, bubblewrap, find_sandbox, view
from evaluator.sandbox.syscalls import filter_program

ROOT = Path(__file__).parents[2]
X = np.zeros((4, 2))
LINE = "from torch import nn\ndef build(i, o):\n    return nn.Linear(i, o)\n"

INSPECTOR = """
import ctypes, errno, json, os, resource, socket, subprocess, sys, threading

def attempt(act):
    try:
        return str(act())
    except BaseException as error:
        return "no: " + type(error).__name__

def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "written"

def fill(folder):
    size = 0
    try:
        for number in range(1000):
            with open(f"{folder}/{number}", "wb") as file:
                size += file.write(bytes(1 << 20))
    finally:
        return size

def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        one.connect(address)
    return "connected"

def call(number, *rest):
    libc = ctypes.CDLL(None, use_errno=True)
    answer = libc.syscall(number, *rest)
    return "no" if answer < 0 else answer

def threads():
    started = 0
    stop = threading.Event()
    try:
        for _ in range(1000):
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    finally:
        stop.set()
        return started

def build(i, o):
    found = {
        "tcp": attempt(lambda: connect(socket.AF_INET, ("127.0.0.1", PORT))),
        "udp": attempt(lambda: socket.socket(socket.AF_INET, 2).sendto(b"x", ("1.1.1.1", 53))),
        "vsock": attempt(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)),
        "abstract": attempt(lambda: connect(socket.AF_UNIX, "\\0ABSTRACT")),
        "netlink": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
        "interfaces": os.listdir("/sys/class/net") if os.path.exists("/sys/class/net") else [],
        "shadow": attempt(lambda: open("/etc/shadow").read()),
        "passwd": attempt(lambda: open("/etc/passwd").read()),
        "repository": attempt(lambda: os.listdir("ROOT")),
        "top": sorted(os.listdir("/")),
        "home": attempt(lambda: os.listdir("/root")) + attempt(lambda: os.listdir("/home")),
        "marker": attempt(lambda: open("MARKER").read()),
        "environment": sorted(os.environ),
        "first environment": attempt(lambda: open("/proc/1/environ").read().count("=")),
        "processes": [name for name in os.listdir("/proc") if name.isdigit()],
        "descriptors": len(os.listdir("/proc/self/fd")),
        "uid": [os.getuid(), os.geteuid(), os.getgid()] + os.getgroups(),
        "capabilities": open("/proc/self/status").read().partition("CapEff:")[2].split()[0],
        "setuid": attempt(lambda: os.setuid(0)),
        "files": {path: attempt(lambda path=path: write(path)) for path in (
            "/x", "/usr/x", "/etc/x", "/dev/x", "/bundle/x", "/bundle/model.py", "/runner/child.py", "/lib/x",
            sys.prefix + "/x", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/sys/x",
        )},
        "tmp": attempt(lambda: write("/tmp/x")),
        "big file": attempt(lambda: open("/tmp/big", "wb").write(bytes(5 << 20))),
        "tmp bytes": fill("/tmp"),
        "shm bytes": fill("/dev/shm"),
        "fork": attempt(os.fork),
        "run": attempt(lambda: subprocess.run(["/bin/true"])),
        "exec": attempt(lambda: os.execv("/bin/true", ["true"])),
        "unshare": attempt(lambda: call(272, 0x10000000)),
        "mount": attempt(lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, None)),
        "ptrace": attempt(lambda: call(101, 0, 0, 0, 0)),
        "keyctl": attempt(lambda: call(250, 0, -3, 0)),
        "bpf": attempt(lambda: call(321, 0, 0, 0)),
        "perf": attempt(lambda: call(298, 0, 0, -1, -1, 0)),
        "io_uring": attempt(lambda: call(425, 4, 0)),
        "open_tree_attr": attempt(lambda: call(467, -100, b"/", 0, 0, 0)),
        "userfaultfd": attempt(lambda: call(323, 1)),
        "memfd": attempt(lambda: os.memfd_create("x")),
        "lock": attempt(lambda: __import__("fcntl").flock(open("/usr/bin/env"), 2)),
        "posix lock": attempt(lambda: __import__("fcntl").lockf(open("/tmp/x", "w"), 2)),
        "limits": [resource.getrlimit(getattr(resource, "RLIMIT_" + n)) for n in ("AS", "NPROC", "CORE")],
        "raise limit": attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))),
        "threads": threads(),
        "packages": {name: attempt(lambda name=name: __import__(name)) for name in (
            "challenge", "evaluator", "leaderboard", "challenge.season", "wire", "training", "child",
        )},
        "path": sys.path,
        "hostname": socket.gethostname(),
        "stdin": attempt(lambda: sys.stdin.read()),
    }
    raise RuntimeError("FOUND" + json.dumps(found) + "END")
"""


@pytest.fixture(scope="module", params=["filtered", "unfiltered"])
def inspected(request, sandbox, tmp_path_factory):
    """What a submission that tries everything has found; with and without a filter of system calls."""
    import socket

    from challenge.bundle import Bundle, Manifest

    marker = tmp_path_factory.mktemp("host") / "marker"
    marker.write_text("secret")
    marker.parent.chmod(0o755)
    marker.chmod(0o644)
    name = f"mbc-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        pytest.MonkeyPatch.context() as patch,
    ):
        abstract.bind(f"\0{name}")
        abstract.listen()
        patch.setenv("MBC_WORKER_TOKEN", "secret")
        source = INSPECTOR.replace("PORT", str(server.getsockname()[1])).replace("ABSTRACT", name)
        source = source.replace("MARKER", str(marker)).replace("ROOT", str(ROOT))
        if request.param == "unfiltered":
            patch.setattr(bubblewrap, "filter_program", lambda **_: b"")
            # It would be another program, and two, from here on.
            source = source.replace("attempt(os.fork)", "'yes'")
            source = source.replace('os.execv("/bin/true", ["true"])', "'yes'")
        elif not filter_program(gpu=False):
            pytest.skip("libseccomp is not installed")
        bundle = Bundle(Manifest("a", "b", "c"), {"model.py": source.encode(), "weights.safetensors": b""})
        limits = Limits(memory_bytes=4 << 30, tmp_bytes=8 << 20, file_bytes=4 << 20, threads=2)
        with (
            sandbox.start(bundle, limits=limits, device="cpu") as session,
            pytest.raises(EvaluationError) as e,
        ):
            session.load()
    found = json.loads(e.value.private.rpartition("FOUND")[2].partition("END")[0])
    print(json.dumps(found, indent=1))
    return found


def test_there_is_no_network(inspected):
    for way in ("tcp", "udp", "abstract"):
        assert inspected[way].startswith("no"), way
    assert inspected["interfaces"] in ([], ["lo"])
    assert inspected["hostname"] == "sandbox"


def test_of_the_host_only_programs_and_libraries_are_there(inspected):
    for what in ("shadow", "passwd", "marker"):
        assert inspected[what].startswith("no"), what
    assert "no" in inspected["home"]
    # Where the environment stands in the repository, of the repository nothing but the environment.
    assert inspected["repository"].startswith("no") or inspected["repository"] == "['.venv']"
    assert not {"root", "home", "var", "srv", "mnt", "boot"} & set(inspected["top"]) - {ROOT.parts[1]}
    assert not [entry for entry in inspected["path"] if "packages" not in entry and "python3" not in entry
                and entry != "/bundle"]  # fmt: skip
    for name in ("challenge", "evaluator", "leaderboard", "challenge.season", "wire", "training", "child"):
        assert inspected["packages"][name].startswith("no"), name


def test_the_environment_is_empty_and_nobody_else_is_there(inspected):
    assert "MBC_WORKER_TOKEN" not in inspected["environment"]
    assert len(inspected["environment"]) < 12
    assert inspected["first environment"] in {str(n) for n in range(12)}
    assert inspected["processes"] == ["1"]
    # stdin, stdout, stderr, two pipes, and the one that lists them.
    assert inspected["descriptors"] <= 7
    assert inspected["stdin"] == ""


def test_nothing_can_be_written_but_a_sized_tmp(inspected):
    for path, what in inspected["files"].items():
        assert what.startswith("no"), path
    assert inspected["tmp"] == "written"
    assert inspected["big file"].startswith("no")
    assert 0 < inspected["tmp bytes"] <= 8 << 20
    assert 0 < inspected["shm bytes"] <= 8 << 20


def test_no_rights_and_no_way_to_more(inspected):
    assert inspected["uid"][:3] == [1000, 1000, 1000]
    assert 0 not in inspected["uid"]
    assert int(inspected["capabilities"], 16) == 0
    for way in ("setuid", "unshare", "mount", "raise limit", "bpf"):
        assert inspected[way].startswith("no"), way
    assert inspected["limits"] == [[4 << 30] * 2, [72] * 2, [0] * 2]


def test_threads_are_counted(inspected):
    assert 0 < inspected["threads"] < 72


def test_system_calls_are_an_allow_list(inspected):
    if inspected["exec"] == "yes":
        pytest.skip("there is no filter")
    ways = ("fork", "run", "exec", "ptrace", "keyctl", "perf", "io_uring", "open_tree_attr", "userfaultfd")
    for way in (*ways, "memfd", "lock", "posix lock", "netlink", "vsock"):
        assert inspected[way].startswith("no"), way


def ends(reason, act):
    with pytest.raises(EvaluationError) as caught:
        act()
    assert caught.value.reason is reason, (caught.value, caught.value.private)
    return caught.value


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import time; time.sleep(1000)", Reason.TIME_EXCEEDED),
        ("while True: print('x' * 1000)", Reason.OUTPUT_FLOOD),
        ("import sys; sys.exit(0)", Reason.EXITED),
        ("import os; os._exit(0)", Reason.EXITED),
        ("import ctypes; ctypes.string_at(1)", Reason.EXITED),
        ("x = [bytearray(1 << 26) for _ in range(1 << 20)]", Reason.MEMORY_EXCEEDED),
        # The judge's own file descriptors: found by looking through all of them.
        ("import os\nfor fd in range(3, 60):\n    try: os.write(fd, b'x' * 100)\n    except OSError: pass",
         Reason.PROTOCOL_BROKEN),
    ],
    ids=["sleeps", "prints", "sys.exit", "os._exit", "crashes", "hoards", "garbage"],
)  # fmt: skip
def test_attacks_while_it_is_imported(start, source, reason):
    session = start(source, load_seconds=1.5 if reason is Reason.TIME_EXCEEDED else 10.0)
    began = time.monotonic()
    error = ends(reason, session.load)
    assert error.fault == "submission"
    assert time.monotonic() - began < 12


FORWARD = """
import os, sys, time
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        {attack}
        return torch.zeros(len(x), 1)

def build(i, o):
    return Model()
"""


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("time.sleep(1000)", Reason.TIME_EXCEEDED),
        ("sys.exit(3)", Reason.EXITED),
        ("os._exit(0)", Reason.EXITED),
        ("os.close(1), os.close(2), time.sleep(1000)", Reason.TIME_EXCEEDED),
        ("import threading as t; t.Thread(target=os.write, args=(2, b'y' * 999999)).start(); time.sleep(99)",
         Reason.OUTPUT_FLOOD),
    ],
    ids=["sleeps", "sys.exit", "os._exit", "closes its output", "prints from a thread"],
)  # fmt: skip
def test_attacks_while_it_predicts(start, attack, reason):
    session = start(FORWARD.format(attack=attack), state={"weight": torch.zeros(1)}, request_seconds=1.5)
    session.load()
    ends(reason, lambda: session.predict(X))


def test_an_answer_written_in_advance_is_none(start):
    # It reads the nonce of this request from the frames that are on the stack, answers twice, and hopes that
    # the second answer is taken for that of the next request.
    attack = """
        frame = sys._getframe()
        while "channel" not in frame.f_locals:
            frame = frame.f_back
        answer = torch.full((len(x), 1), 0.5, dtype=torch.float64)
        frame.f_locals["channel"].send(17, bytes(answer.numpy().data))
    """
    session = start(FORWARD.format(attack=attack.strip()), state={"weight": torch.zeros(1)})
    session.load()
    assert (session.predict(X) == 0.5).all()
    ends(Reason.PROTOCOL_BROKEN, lambda: session.predict(X))


def test_a_child_that_never_reads_does_not_hold_the_judge(start):
    source = "import threading, time\n" + LINE + "def fit(model, x, y, budget):\n    time.sleep(1000)\n"
    session = start(source, state={"weight": torch.zeros(1, 2), "bias": torch.zeros(1)}, request_seconds=1.0)
    session.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluator.session.GRACE_SECONDS", 0.2)
        from challenge.training import Budget

        ends(Reason.TIME_EXCEEDED, lambda: session.fit(X, X[:, :1], Budget(seconds=0.2), 0))
    # It sleeps, and the pipe is full long before four million bytes.
    ends(Reason.TIME_EXCEEDED, lambda: session.predict(np.zeros((60_000, 2))))


def test_a_judge_that_is_killed_leaves_nothing(tmp_path):
    script = f"""
        import os, sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from challenge.bundle import Bundle, Manifest
        from evaluator.limits import Limits
        from evaluator.sandbox import find_sandbox
        bundle = Bundle(Manifest("a", "b", "c"), {{"model.py": b"import time; time.sleep(1000)",
                                                   "weights.safetensors": b""}})
        with find_sandbox(allow_unconfined=False).start(bundle, limits=Limits(), device="cpu") as session:
            print("started", flush=True)
            session.load()
    """
    conftest = importlib.util.spec_from_file_location("tools", Path(__file__).with_name("conftest.py"))
    tools = importlib.util.module_from_spec(conftest)
    conftest.loader.exec_module(tools)
    judge = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    with judge:
        assert judge.stdout.readline() == b"started\n"
        time.sleep(0.3)
        started = tools.descendants(judge.pid)
        assert len(started) >= 2
        judge.send_signal(signal.SIGKILL)
        judge.wait()
    deadline = time.monotonic() + 5
    while (left := tools.alive(started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_without_bubblewrap_other_peoples_code_is_not_run(monkeypatch):
    monkeypatch.setattr("evaluator.sandbox.bubblewrap.shutil.which", lambda _name: None)
    error = ends(Reason.SANDBOX_UNAVAILABLE, lambda: find_sandbox(allow_unconfined=False))
    assert "apt-get install bubblewrap" in error.sentence
    assert error.fault == "platform"
    assert find_sandbox(allow_unconfined=True).name == "none"


def test_a_bubblewrap_that_does_not_work_is_explained(monkeypatch, tmp_path):
    for said, advice in (
        ("bwrap: Unknown option --disable-userns", "0.8 or later"),
        ("bwrap: setting up uid map: Permission denied (user namespace)", "kernel.apparmor_restrict"),
    ):
        program = tmp_path / "bwrap"
        program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
        program.chmod(0o755)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.owner() != "root" or folder == tmp_path:
                folder.chmod(0o755)
        sandbox = Bubblewrap()
        monkeypatch.setattr(sandbox, "_program", str(program))
        monkeypatch.setattr(sandbox, "_user", None)
        assert advice in ends(Reason.SANDBOX_UNAVAILABLE, sandbox.try_out).sentence


def test_an_environment_behind_a_closed_door_is_named(monkeypatch, tmp_path):
    prefix = tmp_path / "home" / "venv"
    prefix.mkdir(parents=True)
    door = next(
        (folder for folder in reversed(prefix.parents) if not folder.stat().st_mode & 1), prefix.parent
    )
    door.chmod(0o700)
    assert view.closed_door(prefix) == door
    monkeypatch.setattr(sys, "prefix", str(prefix))
    sandbox = Bubblewrap()
    monkeypatch.setattr(sandbox, "_program", "/bin/false")
    monkeypatch.setattr(sandbox, "_user", bubblewrap.DROP_TO)
    monkeypatch.setattr(sandbox, "_as_user", lambda command: (command, None))
    assert f"behind {door}" in ends(Reason.SANDBOX_UNAVAILABLE, sandbox.try_out).sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root owns what its sandbox's user cannot enter")
def test_an_environment_in_tmp_and_behind_a_closed_door_works(tmp_path):
    # As `git clone` in /root, by root: the environment is there, and strangers may not enter.
    prefix = tmp_path / "venv"
    packages = Path(torch.__file__).parents[1]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    theirs = next(prefix.glob("lib/python3*/site-packages"))
    needed = [
        "torch",
        "torchgen",
        "numpy",
        "numpy.libs",
        "safetensors",
        "typing_extensions.py",
        "pyseccomp.py",
    ]
    needed += ["filelock", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec"]
    links = [packages / name for name in needed if (packages / name).exists()]
    if subprocess.run(["cp", "-al", *links, theirs], capture_output=True, check=False).returncode:
        shutil.rmtree(prefix)
        pytest.skip("the environment is on another disk")
    tmp_path.chmod(0o700)
    script = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from evaluator.sandbox import find_sandbox
        from evaluator.limits import Limits
        from challenge.bundle import Bundle, Manifest
        sandbox = find_sandbox(allow_unconfined=False)
        source = b"import os; raise KeyError(os.path.exists('/mnt'))"
        bundle = Bundle(Manifest("a", "b", "c"), {{"model.py": source, "weights.safetensors": b""}})
        with sandbox.start(bundle, limits=Limits(), device="cpu") as session:
            try:
                session.load()
            except Exception as error:
                print(error.reason, error.private.splitlines()[-1])
    """
    ran = subprocess.run(
        [prefix / "bin" / "python", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(prefix)
    assert ran.stdout == "model_code_failed KeyError: False\n", ran.stderr


def test_our_packages_are_hidden_where_they_are_installed_beside_torch(monkeypatch):
    real = importlib.util.find_spec

    def find_spec(name):
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = ["/usr/lib/python3/dist-packages/challenge"]
        return spec if name == "challenge" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    folder = "/usr/lib/python3/dist-packages/challenge"
    masks = view._masks([Path("/usr")])
    assert masks == ["--size", "4096", "--tmpfs", folder, "--remount-ro", folder]


@pytest.mark.parametrize(
    ("hole", "named"),
    [
        (["--share-net"], "the host's network"),
        (["--bind", "/tmp", "/tmp", "--bind", "/dev", "/dev"], "the host's files"),
    ],
)
def test_a_sandbox_with_a_hole_judges_nothing(monkeypatch, hole, named):
    sandbox = Bubblewrap()
    whole = sandbox._arguments
    monkeypatch.setattr(sandbox, "_arguments", lambda limits: [*whole(limits), *hole])
    assert named in ends(Reason.SANDBOX_UNAVAILABLE, sandbox.try_out).sentence


def test_what_is_in_force_is_described(sandbox):
    described = sandbox.describe()
    assert described["network"] == "none"
    assert ("allow list" in described["system calls"]) == bool(filter_program(gpu=False))
    assert sandboxes.Unconfined().describe()["confinement"].startswith("none")


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MBC_LIMIT_MEMORY_BYTES", "12345")
    monkeypatch.setenv("MBC_LIMIT_LOAD_SECONDS", "1.5")
    limits = Limits.from_environment()
    assert limits == dataclasses.replace(Limits(), memory_bytes=12345, load_seconds=1.5)
    for text in ("0", "-1", "many", "nan"):
        monkeypatch.setenv("MBC_LIMIT_LOAD_SECONDS", text)
        with pytest.raises(ValueError, match="MBC_LIMIT_LOAD_SECONDS"):
            Limits.from_environment()
