"""Control groups, version 1 and 2: memory of every kind, tasks and processor time of a whole sandbox.

The groups of a sandbox lie below the evaluator's own, or below $MBC_CGROUP, and are called after the process
that judges. This module finds where groups can be made and computes their values; the reaper makes and
removes them. After the documentation of the kernel (Documentation/admin-guide/cgroup-v2.rst) and of
systemd (CGROUP_DELEGATION). benchmarks/cgroup2.sh tries version 2 where the machine has version 1.
"""

import contextlib
import errno
import itertools
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.sandbox.limits import MIB, Limits

VARIABLE: Final = "MBC_CGROUP"
ADVICE: Final = (
    "run the evaluator as root, or by `systemd-run --user --scope -p Delegate=yes`, "
    f"or name a folder of version 2 that it may write in {VARIABLE}"
)
CONTROLLERS: Final[tuple[str, ...]] = ("memory", "pids", "cpu")
_PERIOD: Final = 100_000
_REMOVE_SECONDS: Final = 2.0
# Where processes go that were in a group which hands controllers on.
_LEAF: Final = "mbc-evaluator"
_MOVES: Final = 5
_NAME: Final = re.compile(r"mbc-(\d+)-(\d+)-\d+")
_numbers = itertools.count()


@dataclass(frozen=True)
class Groups:
    """Where groups can be made.

    Attributes:
        version: of the kernel's interface, 1 or 2.
        folders: the folder below which they are made, by controller.
    """

    version: int
    folders: dict[str, Path]

    @property
    def name(self) -> str:
        """What stands in reports."""
        return f"cgroup v{self.version}"

    def describe(self, limits: Limits) -> str:
        """What is limited, for people."""
        parts = [f"{limits.memory_bytes // MIB} MiB of memory of every kind"]
        if "pids" in self.folders:
            parts.append(f"{limits.tasks} tasks")
        if "cpu" in self.folders:
            parts.append(f"{limits.threads} cores")
        return f"{self.name}: {', '.join(parts)}"

    def plan(self, limits: Limits) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
        """A new sandbox's groups with the values that the reaper writes, and the counters that it reads."""
        name = f"mbc-{os.getpid()}-{_started(os.getpid())}-{next(_numbers)}"
        values: dict[Path, dict[str, str]] = {}
        for controller, folder in self.folders.items():
            values.setdefault(folder / name, {}).update(self._values(controller, limits))
        groups = [{"folder": str(folder), "values": written} for folder, written in values.items()]
        return groups, self._counters(name)

    def _values(self, controller: str, limits: Limits) -> dict[str, str]:
        """File and value; one that starts with "?" is written where it is there (swap, if accounted for)."""
        memory, tasks, quota = str(limits.memory_bytes), str(limits.tasks), limits.threads * _PERIOD
        if self.version == 1:
            return {
                "memory": {"memory.limit_in_bytes": memory, "?memory.memsw.limit_in_bytes": memory},
                "pids": {"pids.max": tasks},
                "cpu": {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)},
            }.get(controller, {})
        return {
            "memory": {"memory.max": memory, "?memory.swap.max": "0", "memory.oom.group": "1"},
            "pids": {"pids.max": tasks},
            "cpu": {"cpu.max": f"{quota} {_PERIOD}"},
        }.get(controller, {})

    def _counters(self, name: str) -> dict[str, list[str]]:
        files = {
            "oom_kills": ("memory", f"memory.{('oom_control', 'events')[self.version - 1]}", "oom_kill"),
            "refused_tasks": ("pids", "pids.events", "max"),
        }
        return {
            counter: [str(self.folders[controller] / name / file), key]
            for counter, (controller, file, key) in files.items()
            if controller in self.folders
        }


def find() -> Groups | None:
    """Where this process may make groups that limit memory; None where it may not.

    Groups left behind by evaluators that were killed together with their reaper are removed, with what is in
    them.
    """
    places = _places()
    groups = _version_1(places) or _version_2(places)
    if groups is not None:
        for folder in set(groups.folders.values()):
            _remove_stale(folder)
    return groups


def _version_1(places: dict[str, Path]) -> Groups | None:
    folders = {name: places[name] for name in CONTROLLERS if name in places and _writable(places[name])}
    return Groups(1, folders) if "memory" in folders else None


def _version_2(places: dict[str, Path]) -> Groups | None:
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else places.get("")
    if folder is not None and folder.name == _LEAF:
        # Started by a process that went there.
        folder = folder.parent
    if folder is None or not _writable(folder):
        return None
    with contextlib.suppress(OSError):
        there = (folder / "cgroup.controllers").read_text().split()
        wanted = [name for name in CONTROLLERS if name in there]
        if "memory" in wanted and _enable(folder, wanted):
            return Groups(2, dict.fromkeys(wanted, folder))
    return None


def _enable(folder: Path, controllers: list[str]) -> bool:
    """Hand the controllers on to the groups below; a group that hands on may hold no process itself."""
    text = " ".join(f"+{name}" for name in controllers)
    for _ in range(_MOVES):
        try:
            (folder / "cgroup.subtree_control").write_text(text)
        except OSError as error:
            inside = {int(number) for number in (folder / "cgroup.procs").read_text().split()}
            # Processes of others are not ours to move, unless all of the group was handed to us.
            if error.errno != errno.EBUSY or not (inside == {os.getpid()} or _delegated(folder)):
                return False
            _move(inside, folder / _LEAF)
        else:
            return True
    return False


def _delegated(folder: Path) -> bool:
    """Whether systemd has handed this group on (`Delegate=yes`), which it notes down in an attribute."""
    try:
        return os.getxattr(folder, "user.delegate") == b"1"
    except OSError:
        return False


def _move(processes: set[int], leaf: Path) -> None:
    leaf.mkdir(exist_ok=True)
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(str(process))


def _places() -> dict[str, Path]:
    """This process's own group by controller; '' is that of version 2."""
    mounts: dict[str, tuple[str, Path]] = {}
    if sys.platform != "linux":
        return {}
    for mount in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = mount.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            where, folder = before.split()[3:5]
            controllers = [""] if kind == "cgroup2" else options.split(",")
            mounts.update({name: (where, Path(folder)) for name in controllers})
    found = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, listed, path = line.split(":", 2)
        for name in listed.split(","):
            if name in mounts:
                root, point = mounts[name]
                inner = path.removeprefix(root) if root != "/" else path
                found[name] = point / inner.strip("/")
    return found


def _writable(folder: Path) -> bool:
    trial = folder / f"mbc-trial-{os.getpid()}"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True


def _remove_stale(folder: Path) -> None:
    for group in folder.glob("mbc-*-*-*"):
        named = _NAME.fullmatch(group.name)
        if named is None or _started(int(named[1])) == named[2]:
            continue
        _remove(group)


def remove(groups: list[dict[str, Any]]) -> None:
    """Remove those of `Groups.plan` that are still there because their reaper was killed."""
    for group in groups:
        _remove(Path(group["folder"]))


def _remove(folder: Path) -> None:
    """Kill what is in a group, and remove it."""
    with contextlib.suppress(OSError):
        for process in (folder / "cgroup.procs").read_text().split():
            os.kill(int(process), signal.SIGKILL)
    deadline = time.monotonic() + _REMOVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        try:
            folder.rmdir()
        except OSError:
            # The kernel takes a moment to forget the last process.
            time.sleep(0.01)


def _started(process: int) -> str:
    """When a process was started, in ticks, by which two of one number differ; '' where there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
