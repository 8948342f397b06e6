"""What a submission that tries everything finds: in bubblewrap, without its filter too, and in Landlock."""

import json
import os
from pathlib import Path

import pytest

from challenge.results.verdicts import EvaluationError
from evaluator.sandbox import bubblewrap, landlock
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.seccomp import filter_program
from tests.support import providers
from tests.support.bundles import make_bundle

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.sandbox

INSPECTOR = """
import ctypes, errno, json, os, resource, socket, subprocess, sys, threading

def attempt(act):
    try:
        return str(act())
    except BaseException as error:
        return "no: " + type(error).__name__

def names(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []

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
        "interfaces": names("/sys/class/net"),
        "shadow": attempt(lambda: open("/etc/shadow").read()),
        "passwd": attempt(lambda: open("/etc/passwd").read()),
        "repository": attempt(lambda: os.listdir("ROOT")),
        "top": names("/"),
        "home": attempt(lambda: os.listdir("/root")) + attempt(lambda: os.listdir("/home")),
        "marker": attempt(lambda: open("MARKER").read()),
        "environment": sorted(os.environ),
        "first environment": attempt(lambda: open("/proc/1/environ").read().count("=")),
        "processes": [name for name in names("/proc") if name.isdigit()],
        "descriptors": sum(attempt(lambda n=n: os.fstat(n))[:2] == "os" for n in range(256)),
        "uid": [os.getuid(), os.geteuid(), os.getgid()] + os.getgroups(),
        "capabilities": [n for n in range(41) if ctypes.CDLL(None).prctl(23, n, 0, 0, 0) == 1],
        "setuid": attempt(lambda: os.setuid(0)),
        "files": {path: attempt(lambda path=path: write(path)) for path in (
            "/x", "/usr/x", "/etc/x", "/dev/x", "/bundle/x", "/bundle/model.py", "/runner/runner.py",
            "/lib/x", sys.prefix + "/x", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches",
            "/sys/x",
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
            "challenge", "evaluator", "leaderboard", "challenge.scoring.season", "protocol", "refit",
            "runner",
        )},
        "path": sys.path,
        "hostname": socket.gethostname(),
        "stdin": attempt(lambda: sys.stdin.read()),
    }
    raise RuntimeError("FOUND" + json.dumps(found) + "END")
"""


@pytest.fixture(scope="module", params=["bubblewrap", "bubblewrap, unfiltered", "landlock"])
def inspected(request, tmp_path_factory):
    """What a submission that tries everything has found."""
    import socket

    name, _, unfiltered = request.param.partition(", ")
    sandbox = providers.provider(name)
    marker = tmp_path_factory.mktemp("host") / "marker"
    marker.write_text("secret")
    marker.parent.chmod(0o755)
    marker.chmod(0o644)
    address = f"mbc-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        pytest.MonkeyPatch.context() as patch,
    ):
        abstract.bind(f"\0{address}")
        abstract.listen()
        patch.setenv("MBC_WORKER_TOKEN", "secret")
        source = INSPECTOR.replace("PORT", str(server.getsockname()[1])).replace("ABSTRACT", address)
        source = source.replace("MARKER", str(marker)).replace("ROOT", str(ROOT))
        if unfiltered:
            patch.setattr(bubblewrap, "filter_program", lambda **_: b"")
            # It would be another program, and two, from here on.
            source = source.replace("attempt(os.fork)", "'yes'")
            source = source.replace('os.execv("/bin/true", ["true"])', "'yes'")
        elif not filter_program(gpu=False):
            pytest.skip("libseccomp is not installed")
        # Weights that can be read: they are, before the model's code runs.
        bundle = make_bundle(source)
        limits = Limits(memory_bytes=4 << 30, tmp_bytes=8 << 20, file_bytes=4 << 20, threads=2)
        with (
            sandbox.start(bundle, limits=limits, device="cpu") as session,
            pytest.raises(EvaluationError) as e,
        ):
            session.load()
    found = json.loads(e.value.private.rpartition("FOUND")[2].partition("END")[0])
    found["provider"] = name
    print(json.dumps(found, indent=1))
    return found


def test_there_is_no_network(inspected):
    for way in ("tcp", "udp", "abstract"):
        assert inspected[way].startswith("no"), way
    assert inspected["interfaces"] in ([], ["lo"])
    assert inspected["hostname"] == "sandbox" or inspected["provider"] == "landlock"


def test_of_the_host_only_programs_and_libraries_are_there(inspected):
    for what in ("shadow", "passwd", "marker"):
        assert inspected[what].startswith("no"), what
    assert "no" in inspected["home"]
    # Where the environment stands in the repository, of the repository nothing but the environment.
    assert inspected["repository"].startswith("no") or inspected["repository"] == "['.venv']"
    assert not {"root", "home", "var", "srv", "mnt", "boot"} & set(inspected["top"]) - {ROOT.parts[1]}
    assert not [entry for entry in inspected["path"] if "packages" not in entry and "python3" not in entry
                and entry != "/bundle" and "/mbc-sandbox-" not in entry]  # fmt: skip
    for name in (
        "challenge",
        "evaluator",
        "leaderboard",
        "challenge.scoring.season",
        "protocol",
        "refit",
        "runner",
    ):
        assert inspected["packages"][name].startswith("no"), name


def test_the_environment_is_empty_and_nobody_else_is_there(inspected):
    assert "MBC_WORKER_TOKEN" not in inspected["environment"]
    assert len(inspected["environment"]) < 12
    assert inspected["first environment"].startswith("no")
    assert inspected["processes"] == []
    # stdin, stdout, stderr, and two pipes.
    assert inspected["descriptors"] == 5
    assert inspected["stdin"] == ""


def test_nothing_can_be_written_but_a_sized_tmp(inspected):
    for path, what in inspected["files"].items():
        assert what.startswith("no"), path
    if inspected["provider"] == "landlock":
        assert inspected["tmp"].startswith("no")
        assert inspected["tmp bytes"] == inspected["shm bytes"] == 0
        return
    assert inspected["tmp"] == "written"
    assert inspected["big file"].startswith("no")
    assert 0 < inspected["tmp bytes"] <= 8 << 20
    assert 0 < inspected["shm bytes"] <= 8 << 20


def test_no_rights_and_no_way_to_more(inspected):
    own = inspected["uid"][0]
    assert inspected["uid"][:3] == [own] * 3
    assert 0 not in inspected["uid"]
    assert own in (landlock.USERS if inspected["provider"] == "landlock" else [1000]) or os.geteuid() != 0
    # Of the bounding set: what is not in it can never be had.
    assert inspected["capabilities"] == [] or (inspected["provider"] == "landlock" and os.geteuid() != 0)
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
