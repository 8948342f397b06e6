"""The files that a sandbox sees: a minimal tree in a tmpfs that no other process of the machine uses.

Files that two sandboxes share are a channel between them if the kernel caches anything about them: pages of a
file on a disk can be dropped by one sandbox and missed by the other, and absent names stay in the cache as
negative entries. A tmpfs has neither: its pages are the file, and it forgets absent names at once. So the
files that `tree_files` lists, and the runner's, are copied once, when an evaluator starts, into a tmpfs in a
mount namespace of its own (see `tree_builder`), which is the root of every sandbox, read-only. The namespace
lives as long as a process has its descriptors.
"""

# ruff: noqa: PTH112, PTH120 - as in tree_files

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import Final

import platformdirs

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox import elf, tree_builder, tree_files
from evaluator.sandbox.limits import MIB
from evaluator.sandbox.staging import of_forks

# Existing directories on which the tmpfs may be mounted: only in a namespace that nobody else sees.
_MOUNT_POINTS: Final = ("/mnt", "/media", "/srv", "/opt", "/run", "/var")
# Of the machine's, those by which no two sandboxes can talk.
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
# Of the tree, or a sandbox's own.
_TMP: Final = "/tmp"  # noqa: S108
_MOUNTED_ON: Final = ("/dev/shm", "/proc", "/sys", _TMP, "/bundle")  # noqa: S108


@dataclass(frozen=True)
class Tree:
    """A tree that is complete.

    Attributes:
        root: the folder in the mount namespace.
        in_tmp: names below /tmp, which are shown in a sandbox's own, and targets of those that are links.
        namespaces: descriptors of the user namespace (an ordinary user's) and the mount namespace, to be
            entered in this order.
        size: bytes of its files.
        seconds: how long it took to make.
        path: directories of libraries, for sys.path.
        swappable: whether the kernel may write its pages to swap.
    """

    root: str
    in_tmp: dict[str, str | None]
    namespaces: tuple[int, ...]
    size: int
    seconds: float
    path: tuple[str, ...]
    swappable: bool = True

    def describe(self) -> str:
        """Size and time, for `mbc doctor`."""
        swap = "" if self.swappable else ", never swapped"
        return f"minimal tree in memory ({self.size / MIB:,.0f} MiB, made in {self.seconds:.1f} s{swap})"

    def arguments(self, *, devices: bool) -> list[str]:
        """Bubblewrap's arguments that make it the root, with a few of the machine's `devices`."""
        args = ["--ro-bind", self.root, "/"]
        for name in _DEVICES if devices else ():
            args += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
        return args

    def arguments_in_tmp(self) -> list[str]:
        """Bubblewrap's arguments behind those that make a /tmp."""
        args = []
        for name, target in self.in_tmp.items():
            if target is None:
                args += ["--ro-bind", f"{self.root}{_TMP}/{name}", f"{_TMP}/{name}"]
            else:
                args += ["--symlink", target, f"{_TMP}/{name}"]
        return args


@lru_cache
def shared() -> Tree:
    """The tree of this user's evaluators on this machine; made where none of them has it, as `build` says.

    A process that has made one notes its descriptors in a folder of the user's own; the next opens them in
    /proc. The tree lives as long as one of the processes.
    """
    try:
        notes = platformdirs.user_cache_path("mbc") / "sandbox-trees"
        notes.mkdir(mode=0o700, parents=True, exist_ok=True)
        note = os.open(notes / _key(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return build()
    with open(note, "r+", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        if os.fstat(note).st_uid != os.geteuid():
            return build()
        fcntl.flock(file, fcntl.LOCK_EX)
        made = _noted(file.read())
        if made is None:
            made = build()
            started = _start_time(os.getpid())
            file.seek(0)
            file.truncate()
            json.dump({"process": os.getpid(), "started": started, "tree": asdict(made)}, file)
        return made


def _noted(text: str) -> Tree | None:
    """The tree that another process has noted, if it is still there."""
    try:
        note = json.loads(text)
        process = int(note["process"])
        if _start_time(process) != note["started"]:
            return None
        values = note["tree"]
        opened: list[int] = []
        try:
            for descriptor in map(int, values["namespaces"]):
                opened += [os.open(f"/proc/{process}/fd/{descriptor}", os.O_RDONLY)]
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            return None
        return Tree(**values | {"namespaces": tuple(opened), "path": tuple(values["path"])})
    except (ValueError, KeyError, TypeError, OSError):
        return None


def _start_time(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]


def _key() -> str:
    """Changes with the interpreter, the packages and the programs that make the tree."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version} {tree_files.PACKAGES}".encode())
    for content in of_forks().values():
        digest.update(content)
    for source in (__file__, tree_builder.__file__, tree_files.__file__, elf.__file__):
        digest.update(Path(source).read_bytes())
    for name in tree_files.PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            distribution = metadata.distribution(name)
            digest.update(f"{name} {distribution.version} {distribution.locate_file('')}".encode())
    return digest.hexdigest()[:32]


def build() -> Tree:
    """Copy what a sandbox needs into a tmpfs.

    Raises:
        EvaluationError: SANDBOX_UNAVAILABLE, with the reason: no namespaces, or too little memory.
    """
    began = time.monotonic()
    found = tree_files.contents()
    found.texts |= {f"/{name}": content.decode() for name, content in of_forks().items()}
    # On which a sandbox's own are mounted.
    found.texts |= {f"/dev/{name}": "" for name in _DEVICES}
    size = sum(found.files.values())
    available = _available()
    if 2 * size > available:
        raise EvaluationError(
            Reason.SANDBOX_UNAVAILABLE,
            f"The sandbox's tree needs {size // MIB} MiB, and {available // MIB} MiB of memory are free.",
        )
    root = next(point for point in _MOUNT_POINTS if os.path.isdir(point) and not _within(point, found))
    directories = {os.path.dirname(path) for path in (*found.files, *found.links, *found.texts)}
    directories |= set(_MOUNTED_ON)
    plan = {
        "root": root,
        # Each file takes whole pages, each directory and link an inode.
        "bytes": size + 8192 * (len(found.files) + len(directories) + len(found.links)) + 16 * MIB,
        "directories": sorted(directories),
        "links": sorted(found.links.items()),
        "files": sorted(found.files),
        "texts": sorted(found.texts.items()),
    }
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", tree_builder.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        text=True,
    ) as builder:
        assert builder.stdin
        assert builder.stdout
        assert builder.stderr
        with contextlib.suppress(BrokenPipeError):
            builder.stdin.write(json.dumps(plan) + "\n")
            builder.stdin.flush()
        answer = builder.stdout.readline()
        if not answer.startswith("ready"):
            builder.kill()
            said = builder.stderr.read().strip().rpartition("\n")[2]
            raise EvaluationError(
                Reason.SANDBOX_UNAVAILABLE, f"The sandbox's tree cannot be made in memory ({said})."
            )
        kinds = ("mnt",) if os.geteuid() == 0 else ("user", "mnt")
        namespaces = tuple(os.open(f"/proc/{builder.pid}/ns/{kind}", os.O_RDONLY) for kind in kinds)
        builder.stdin.close()
    shown = (path.split("/")[1:3] for path in (*found.files, *found.links, *found.texts))
    names = sorted({parts[1] for parts in shown if parts[0] == "tmp"})
    in_tmp = {name: found.links.get(f"{_TMP}/{name}") for name in names}
    swappable = "never swapped" not in answer
    seconds = time.monotonic() - began
    return Tree(root, in_tmp, namespaces, size, seconds, tuple(_library_path()), swappable)


def _within(folder: str, found: tree_files.Files) -> bool:
    return any(path.startswith(f"{folder}/") for path in found.files)


def _library_path() -> list[str]:
    """Directories of PACKAGES, for sys.path inside."""
    found = [os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    for package in ("torch", "safetensors", "numpy"):
        spec = util.find_spec(package)
        if spec and spec.origin:
            found.append(str(Path(spec.origin).resolve().parent.parent))
    return list(dict.fromkeys(found))


def _available() -> int:
    """Bytes of memory that can be had: of the machine, and of this process's control group."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:")))
    return 0
