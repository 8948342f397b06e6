"""Which files a sandbox's tree holds: the interpreter, the packages, and the libraries that they need."""

# ruff: noqa: PTH110, PTH113, PTH114, PTH115, PTH116, PTH118, PTH119, PTH120, PTH208 - of twelve thousand paths:
# pathlib would double the seconds that an evaluator takes to start

import contextlib
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Final

from evaluator.sandbox import elf

PACKAGES: Final = ("torch", "numpy", "scipy", "scikit-learn", "safetensors")
_MODULES: Final = {"scikit-learn": "sklearn"}
_OURS: Final = ("challenge", "evaluator", "leaderboard")
# Of the last, Debian's is a link into /etc.
_LEFT_OUT: Final = re.compile(
    r"/bin/(?!torch_shm_manager$)|/(include|share|cmake|idlelib|turtledemo|tkinter|ensurepip|lib2to3|site-packages|dist-packages|tests?|config-[^/]+)/"
    r"|\.(pyi|h|hpp|cuh|a|cmake|pyx|pxd|c|cpp|f90)$|\.opt-\d\.pyc$|/sitecustomize\.py$"
)
_DATA_OF_DISTRIBUTION: Final = re.compile(r"\.dist-info/(?!METADATA$)")
# dlopened by libraries that do not name them: thread cancellation, and CUDA's driver.
_OPENED_BY_NAME: Final = ("libgcc_s.so.1",)
_OF_GPU: Final = ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1")
_TOPOLOGY: Final = ("possible", "present", "online")


class Files:
    """Files by their real paths, with the links on the way to them."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.texts: dict[str, str] = {}

    def add(self, path: str) -> None:
        """A file and the links by which `path` leads to it; nothing, where there is none."""
        folder, name = os.path.split(path)
        real = os.path.join(self._real(folder), name)
        for _ in range(40):
            if not os.path.islink(real):
                break
            self.links[real] = os.readlink(real)
            folder, name = os.path.split(os.path.join(os.path.dirname(real), self.links[real]))
            real = os.path.join(self._real(folder), name)
        if os.path.isfile(real):
            self.files[real] = os.stat(real).st_size

    def add_directory(self, path: str) -> None:
        """Every file below, without what is left out."""
        for folder, _, names in os.walk(path):
            for name in names:
                inner = os.path.join(folder, name)
                if not _LEFT_OUT.search(inner[len(path) :]):
                    self.add(inner)

    @cache  # noqa: B019 - lives as long as the object, for seconds
    def _real(self, folder: str) -> str:
        """Where a directory really is; the links on the way are noted."""
        if folder in ("/", ""):
            return "/"
        above, name = os.path.split(folder)
        if name == "..":
            return os.path.dirname(self._real(above))
        real = os.path.join(self._real(above), name)
        if os.path.islink(real):
            self.links[real] = os.readlink(real)
            return self._real(os.path.normpath(os.path.join(os.path.dirname(real), self.links[real])))
        return real


def contents() -> Files:
    """Collect the files, links and constant texts of the tree."""
    found = Files()
    for executable in (sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")):
        found.add(executable)
    for name in ("stdlib", "platstdlib"):
        found.add_directory(sysconfig.get_path(name))
    for path in _package_files():
        found.add(path)
    gpu = os.path.exists("/dev/nvidiactl")
    _add_libraries(found, [*_OPENED_BY_NAME, *(_OF_GPU if gpu else ())])
    found.add("/etc/ld.so.cache")
    found.add_directory("/usr/lib/locale/C.utf8")
    _add_texts(found)
    return found


def _package_files() -> Iterator[str]:
    """Yield the files of PACKAGES and of what they require, by their own lists of files."""
    wanted, seen = list(PACKAGES), set[str]()
    while wanted:
        name = wanted.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            yield from _all_beside(name)
        else:
            required = [one for one in distribution.requires or [] if "extra ==" not in one]
            wanted += [re.split(r"[^\w.-]", one, maxsplit=1)[0] for one in required]
            for file in distribution.files or _module_files(name):
                path = str(distribution.locate_file(file))
                if not _LEFT_OUT.search(f"/{file}") and not _DATA_OF_DISTRIBUTION.search(path):
                    yield path


def _all_beside(name: str) -> Iterator[str]:
    """Yield everything beside a package without a list of files, because what it requires is unknown."""
    spec = util.find_spec(_MODULES.get(name, name.replace("-", "_"))) if name in PACKAGES else None
    if spec is None or spec.origin is None:
        return
    folder = str(Path(spec.origin).parent.parent)
    for path in Path(folder).rglob("*"):
        inner = str(path)[len(folder) :]
        if inner.split("/")[1] not in _OURS and not _LEFT_OUT.search(inner) and path.is_file():
            yield str(path)


def _module_files(name: str) -> list[Path]:
    """The files of a package whose installer left no list (a system's own)."""
    spec = util.find_spec(_MODULES.get(name, name.replace("-", "_")))
    folders = (spec.submodule_search_locations or []) if spec else []
    return [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]


def _add_libraries(found: Files, opened: list[str]) -> None:
    """Shared libraries that any file needs and the tree lacks, from the loader's cache and usual folders."""
    by_name = elf.loader_cache()
    have = {os.path.basename(path) for path in (*found.files, *found.links)}
    waiting = [path for path in found.files if elf.is_library(path)] + [os.path.realpath(sys.executable)]
    names = set(opened)
    while waiting or names:
        while waiting:
            needed, loader = elf.needed(waiting.pop())
            names.update(needed)
            if loader and loader not in found.files and loader not in found.links:
                found.add(loader)
                have.add(os.path.basename(loader))
        missing, names = names - have, set()
        for name in missing:
            have.add(name)
            if name in by_name:
                found.add(by_name[name])
                waiting.append(os.path.realpath(by_name[name]))


def _add_texts(found: Files) -> None:
    """Constant copies of what libraries read to count the processors."""
    base = "/sys/devices/system/cpu"
    folders = [base, *(str(path) for path in Path(base).glob("cpu[0-9]*/topology"))]
    for folder in folders:
        for name in _TOPOLOGY if folder == base else os.listdir(folder):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found.texts[f"{folder}/{name}"] = Path(folder, name).read_text(encoding="ascii")
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        # The frequency is of the moment.
        found.texts["/proc/cpuinfo"] = "".join(line for line in lines if not line.startswith("cpu MHz"))
