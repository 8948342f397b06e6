"""A copy in memory of all that sandboxes may see of the host, so that none of them can leave a trace in it.

Files on a disk that two sandboxes both see are a channel between them, and it lasts: which pages are in the
page cache can be written (posix_fadvise) and read (preadv2 with RWF_NOWAIT, timing, major faults), and names
that are not there leave negative dentries, which the kernel counts. A tmpfs has neither: its pages are always
in memory, it refuses RWF_NOWAIT, and it keeps no negative dentries. So the interpreter, its standard library,
the packages that submissions may import and the shared libraries that those need are copied into /dev/shm
once, and sandboxes get nothing else of the host's files, read-only (so that no access time changes either).

The copy is shared by the evaluators of one user, and removed by the last of them; one that was killed leaves
it to the next. What timing still tells, on any file system, is whether another sandbox runs at the moment.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import IO, Final

# What submissions may import, besides the standard library.
PACKAGES: Final = ("torch", "numpy", "scipy", "scikit-learn", "safetensors")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the kernel's, by name
# Left free beside the copy, for the sandboxes and everybody else.
SPARE_BYTES: Final = 1 << 30
MAPS_OF_CPUS: Final = Path("/sys/devices/system/cpu")
_PREFIX: Final = "mbc-sandbox"
# Of packages: headers, tests and programs, which no import reaches.
_NEEDLESS: Final = re.compile(
    r"torch/(include|share)/|torch/bin/(?!torch_shm_manager)|(^|/)tests?/|\.(a|h|hpp|pyi|cuh|cmake)$|^\.\./"
)
_NEEDLESS_OF_PYTHON: Final = frozenset({
    "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tests",
    "tkinter", "turtledemo", "__phello__",
})  # fmt: skip
# Loaded by name while a process runs, so that no file says that it is needed.
# The last three are NVIDIA's driver, where there is one: from others' reports, not tested on a card.
_LOADED_LATER: Final = (
    "libgcc_s.so.1", "libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1",
)  # fmt: skip
# Of elf(5).
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB = 1, 5


@dataclass(frozen=True)
class SealedTree:
    """A copy in memory.

    Attributes:
        path: what lies at /x on the host lies at path/x.
        size: bytes of its files.
        seconds: that making it took; 0 where another evaluator had made it.
    """

    path: Path
    size: int
    seconds: float


class NotSealed(Exception):  # noqa: N818 - a state of the machine, not a mistake
    """The copy cannot be made here; the message says why, as the end of a sentence."""


def sealed_tree(root: Path = SHARED_MEMORY) -> SealedTree:
    """The copy of this environment: one that is there already, or a new one. This process then holds it.

    Raises:
        NotSealed: memory is short, or `root` is no tmpfs that programs may run from.
    """
    held = _HELD.get(root)
    if held is None:
        held = _HELD[root] = _obtain(root)
        atexit.register(release, root)
    return held


_HELD: Final[dict[Path, SealedTree]] = {}
# Locks of the trees that this process uses: closed, and so given up, when it ends.
_LOCKS: Final[list[IO[str]]] = []


def _obtain(root: Path) -> SealedTree:
    if not _is_tmpfs(root):
        raise NotSealed(f"{root} is not a file system in memory")
    name = f"{_PREFIX}-{os.geteuid()}-{_digest()}"
    with _lock(root / f"{_PREFIX}-{os.geteuid()}.lock", fcntl.LOCK_EX):
        _remove_unused(root, keep=name)
        _LOCKS.append(lock := _opened(root / f"{name}.lock"))
        fcntl.flock(lock, fcntl.LOCK_SH)
        tree, seconds = root / name, 0.0
        if not _is_ours(tree):
            began = time.perf_counter()
            _make(tree)
            seconds = time.perf_counter() - began
    return SealedTree(tree, sum(f.stat().st_size for f in _files(tree)), seconds)


def release(root: Path = SHARED_MEMORY) -> None:
    """Give up the copies of this process, and remove those that nobody uses."""
    _HELD.clear()
    while _LOCKS:
        _LOCKS.pop().close()
    with contextlib.suppress(OSError), _lock(root / f"{_PREFIX}-{os.geteuid()}.lock", fcntl.LOCK_EX):
        _remove_unused(root)


def _opened(path: Path) -> IO[str]:
    # Others may have put a link of that name there first.
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+")


@contextlib.contextmanager
def _lock(path: Path, kind: int) -> Iterator[None]:
    with _opened(path) as file:
        fcntl.flock(file, kind)
        yield


def _remove_unused(root: Path, keep: str = "") -> None:
    """Remove copies of this user that no process holds, and what a process that was killed left half made."""
    for lock in root.glob(f"{_PREFIX}-{os.geteuid()}-*.lock"):
        tree = lock.with_suffix("")
        if tree.name == keep or lock.lstat().st_uid != os.geteuid():
            continue
        with _opened(lock) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            shutil.rmtree(tree, ignore_errors=True)
            lock.unlink(missing_ok=True)
    # Only who has the lock of all makes one, so these belong to nobody any more.
    for partial in root.glob(f"{_PREFIX}-{os.geteuid()}-*.partial"):
        if partial.lstat().st_uid == os.geteuid():
            shutil.rmtree(partial, ignore_errors=True)


def _is_ours(tree: Path) -> bool:
    """Whether the copy is there and nobody else can have written into it."""
    try:
        status = tree.lstat()
    except FileNotFoundError:
        return False
    if status.st_uid != os.geteuid() or status.st_mode & 0o022 or tree.is_symlink():
        raise NotSealed(f"{tree} belongs to somebody else: remove it")
    return True


def _is_tmpfs(root: Path) -> bool:
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return False
    found = [fields for fields in mounts if fields[1] == str(root)]
    return bool(found) and found[-1][2] == "tmpfs" and "noexec" not in found[-1][3].split(",")


def _digest() -> str:
    """Of what decides the content: this file, the interpreter, versions and places of the packages."""
    found = hashlib.sha256(Path(__file__).read_bytes())
    stdlib = Path(sysconfig.get_path("stdlib"))
    found.update(repr((sys.version, sys.prefix, sys.base_prefix, stdlib.stat().st_mtime_ns)).encode())
    for package in _distributions():
        record = _place(package)
        found.update(repr((package.name, package.version, str(record), record.stat().st_mtime_ns)).encode())
    return found.hexdigest()[:16]


def _make(tree: Path) -> None:
    """Copy all of it beside its final place, and rename it when it is whole."""
    sources = dict(_sources())
    size = sum(path.stat().st_size for path in sources.values())
    free = min(shutil.disk_usage(tree.parent).free, _available())
    if size + SPARE_BYTES > free:
        raise NotSealed(
            f"the copy needs {size >> 20:,} MiB and as much again as 1 GiB; {free >> 20:,} MiB are free"
        )
    partial = tree.with_name(f"{tree.name}.partial")
    partial.mkdir(mode=0o755)
    for target, source in sources.items():
        place = partial / target
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        # One time for all files, so that none tells when this evaluator started.
        os.utime(place, (0, 0))
        place.chmod(0o555 if os.access(source, os.X_OK) else 0o444)
    for target, link in _links():
        place = partial / target
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        place.symlink_to(link)
    (partial / "blank").touch(0o444)
    (partial / "meminfo").write_text("MemTotal: 8388608 kB\nMemFree: 4194304 kB\nMemAvailable: 4194304 kB\n")
    (partial / "empty").mkdir(0o555)
    partial.chmod(0o755)
    partial.rename(tree)


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 1 << 62


def _sources() -> Iterator[tuple[str, Path]]:
    """(place below the root, file) of everything but links, which are followed."""
    found = [Path(sys.executable).resolve(), Path(sys.prefix).resolve() / "pyvenv.cfg"]
    found += [*_standard_library(), *_packages()]
    found += [*_needed_libraries(found), Path("/etc/ld.so.cache"), *_cpu_maps()]
    found += Path("/usr/lib/locale/C.utf8").rglob("*")
    for path in sorted(set(found)):
        if path.is_file():
            yield str(path).lstrip("/"), path


def _links() -> Iterator[tuple[str, str]]:
    """(place below the root, target) of the links to the interpreter, and of an environment's lib64."""
    place = Path(sys.executable).parent.resolve() / Path(sys.executable).name
    while place.is_symlink():
        yield str(place).lstrip("/"), str(place.readlink())
        target = place.parent / place.readlink()
        place = target.parent.resolve() / target.name
    lib64 = Path(sys.prefix).resolve() / "lib64"
    if lib64.is_symlink():
        yield str(lib64).lstrip("/"), str(lib64.readlink())


def _standard_library() -> Iterator[Path]:
    for name in {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib", vars={"platbase": sys.base_prefix}),
    }:
        folder = Path(name)
        for path in folder.rglob("*"):
            inside = path.relative_to(folder).parts
            if (
                path.is_file()
                and not _NEEDLESS_OF_PYTHON & set(inside[:-1])
                and not inside[0].startswith("config-")
            ):
                yield path


def _distributions() -> list[Distribution]:
    """The packages, and everything that they require here."""
    waiting, found = list(PACKAGES), {}
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError as error:
            if name in PACKAGES:
                raise NotSealed(f"nothing says which files belong to {name}") from error
            continue  # required on other systems only
        waiting += [
            re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            for requirement in found[key].requires or []
            if "extra ==" not in requirement
        ]
    return [found[key] for key in sorted(found)]


def _place(package: Distribution) -> Path:
    return Path(str(package.locate_file(""))).resolve()


def _packages() -> Iterator[Path]:
    for package in _distributions():
        place = _place(package)
        for file in package.files or []:
            path = place / file
            if not _NEEDLESS.search(str(file)) and path.is_file():
                yield path


def _needed_libraries(files: Iterable[Path]) -> Iterator[Path]:
    """Shared libraries of the system that the programs and libraries among `files` are linked with."""
    files = [path for path in files if ".so" in path.name or os.access(path, os.X_OK)]
    system, own = _system_libraries(), {path.name for path in files}
    waiting, seen = [*files, *(system[name] for name in _LOADED_LATER if name in system)], set()
    while waiting:
        path = waiting.pop()
        if path.name not in own:
            yield path
        for name in _linked_with(path):
            if name in seen:
                continue
            seen.add(name)
            if name.startswith("/"):
                waiting.append(Path(name).parent.resolve() / Path(name).name)
            elif name not in own and name in system:
                # A package's own library is found by its run path.
                waiting.append(system[name])


def _system_libraries() -> dict[str, Path]:
    """Where the loader finds a library of that name, in folders whose links are followed."""
    path = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True, env=path).stdout
    kind = "x86-64" if os.uname().machine == "x86_64" else ""
    found: dict[str, Path] = {}
    for name, where in re.findall(rf"^\s(\S+) \(.*{kind}.*\) => (\S+)$", listed, re.MULTILINE):
        found.setdefault(name, Path(where).parent.resolve() / name)
    return found


def _linked_with(path: Path) -> list[str]:
    """What an ELF file needs: names for the loader (DT_NEEDED), and the loader's path; of others, nothing."""
    with path.open("rb") as file:
        head = file.read(64)
        # 64-bit, little-endian: all that the evaluator supports.
        if head[:6] != b"\x7fELF\x02\x01":
            return []
        offset, size, count = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        table = file.read(size * count)
        segments = [struct.unpack_from("<IIQQQQQQ", table, k * size) for k in range(count)]
        names = []
        for kind, _, start, _, _, length, *_ in segments:
            if kind == _PT_INTERP:
                file.seek(start)
                names.append(file.read(length).rstrip(b"\0").decode())
            elif kind == _PT_DYNAMIC:
                file.seek(start)
                entries = list(struct.iter_unpack("<QQ", file.read(length)))
                strings = next(value for tag, value in entries if tag == _DT_STRTAB)
                base = next(
                    s[2] + strings - s[3]
                    for s in segments
                    if s[0] == _PT_LOAD and s[3] <= strings < s[3] + s[5]
                )
                for value in (value for tag, value in entries if tag == _DT_NEEDED):
                    file.seek(base + value)
                    names.append(file.read(256).partition(b"\0")[0].decode())
        return names


def _cpu_maps() -> Iterator[Path]:
    """What torch reads of the processors' layout; the directory itself is the kernel's, for all to see."""
    for name in ("online", "possible", "present", "kernel_max"):
        yield MAPS_OF_CPUS / name
    for pattern in ("cpu[0-9]*/topology/*", "cpu[0-9]*/cache/index*/*"):
        for path in MAPS_OF_CPUS.glob(pattern):
            if os.access(path, os.R_OK):
                yield path


def _files(tree: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(tree):
        for name in names:
            yield Path(folder) / name
