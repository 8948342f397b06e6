"""A sandbox without namespaces: Landlock, the allow list of system calls, limits, and a user id of its own.

For machines on which bubblewrap cannot make namespaces: containers as they ship, Ubuntu with AppArmor's
restriction. Landlock (Linux 5.13 and later) needs no rights. After its documentation
(Documentation/userspace-api/landlock.rst).

Covered: files can be read below the interpreter, its packages and the bundle alone, and written nowhere; no
sockets but pairs; no new processes or programs; no signals to others; limits as in `bubblewrap`; control
groups where they can be made; started by root, a user id that no process has.

Not covered: whether a path exists, and its size, can be asked of any path; the host's page cache and counters
are shared, so that two sandboxes can talk; the evaluator's packages can be read where they are installed
beside torch; started by an ordinary user, the sandbox runs as that user. There is no /tmp. `SECURITY.md`
compares the two.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from challenge.bundle.reader import Bundle
from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox import cgroups, diagnosis, mounts
from evaluator.sandbox.files import in_memory
from evaluator.sandbox.limits import MIB, Limits
from evaluator.sandbox.process import Lifeline, Pipes, Process, runner_options, wants_gpu
from evaluator.sandbox.reaper import FIRST_DESCRIPTOR
from evaluator.sandbox.seccomp import filter_program
from evaluator.sandbox.self_check import INSTALL_FILTER, SEALED, attempts
from evaluator.sandbox.session import Session
from evaluator.sandbox.staging import remove_stale, stage
from evaluator.sandbox.supervision import run_supervised, supervised

# TCP is refused by Landlock itself from here on, signals to others two versions later.
_LEAST: Final = 1
# Of no account, by convention.
USERS: Final = range(40_000, 60_000)
# Without /proc/cpuinfo torch computes nothing in half precision.
_SYSTEM: Final = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/sys/devices/system/cpu", "/proc/cpuinfo",
)  # fmt: skip
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_numbers = itertools.count()


def abi() -> int:
    """The kernel's version of Landlock; 0 where there is none, or it is switched off or filtered."""
    return diagnosis.landlock_abi()[0]


class Landlock:
    """Sandboxes by Landlock."""

    unsealed = "Landlock sees the host's own files, whose caches all sandboxes share."

    def __init__(self) -> None:
        self._abi = abi()
        self._groups = cgroups.find()
        remove_stale()

    @property
    def name(self) -> str:
        """The kernel's version of it, what limits memory, and the user."""
        groups = self._groups.name if self._groups else "no cgroup"
        user = "uid of its own" if os.geteuid() == 0 else f"uid {os.geteuid()}"
        return f"landlock {self._abi}, {groups}, {user}, seccomp, not sealed"

    def describe(self, limits: Limits | None = None) -> dict[str, str]:
        """What is in force."""
        limits = limits or Limits.from_environment()
        memory = f"{limits.memory_bytes // MIB} MiB of address space"
        if self._groups:
            memory = f"{self._groups.describe(limits)}; {memory}"
        root = os.geteuid() == 0
        return {
            "confinement": f"Landlock, version {self._abi} of the kernel's interface; no namespaces",
            "user": "a uid of its own for every sandbox" if root else "the evaluator's own",
            "network": "none: no sockets",
            "files": "the system's programs and libraries, read-only; that others exist can be asked",
            "between sandboxes": f"sandboxes can talk through the host's page cache: {self.unsealed}",
            "memory": memory,
            "system calls": "allow list, no new processes, no sockets",
            "limits": limits.sentence(),
        }

    def try_out(self) -> None:
        """Start the interpreter under Landlock, and try to get out.

        Raises:
            EvaluationError: SANDBOX_UNAVAILABLE, with what is missing and what to do.
        """

        def missing(detail: str) -> EvaluationError:
            return EvaluationError(Reason.SANDBOX_UNAVAILABLE, detail)

        if self._abi < _LEAST:
            raise missing(diagnosis.why_no_landlock(diagnosis.observe()))
        program = filter_program(gpu=False, sockets=False)
        if not program:
            raise missing("Landlock alone is not enough: install libseccomp (`apt-get install libseccomp2`).")
        places = {"Python environment": sys.prefix, "folder for temporary files": tempfile.gettempdir()}
        for what, place in places.items() if os.geteuid() == 0 else ():
            door = mounts.first_closed_directory(Path(place).resolve())
            if door is not None:
                raise missing(
                    f"The {what} {place} lies behind {door}, which a user without rights may not enter: "
                    "use one that every user can read, like /opt or /tmp (TMPDIR)."
                )
        with attempts() as tries:
            tried = self._try(program, INSTALL_FILTER + tries)
        *escapes, last = tried.stdout.splitlines() or [""]
        if last != SEALED:
            raise missing(f"Landlock does not work here ({tried.stderr.strip()[-300:]}).")
        if escapes:
            raise missing(f"Landlock does not confine here; within reach: {', '.join(escapes)}.")

    def _try(self, program: bytes, source: str) -> subprocess.CompletedProcess[str]:
        descriptor = in_memory(program)
        try:
            return run_supervised(
                [sys.executable, "-I", "-S", "-c", source],
                self._confinement([descriptor], None),
                [descriptor],
            )
        finally:
            os.close(descriptor)

    def _confinement(self, descriptors: list[int], folder: str | None) -> dict[str, Any]:
        """The reaper's options for a sandbox that sees `folder` besides system and environment."""
        roots = [Path(prefix).resolve() for prefix in (sys.base_prefix, sys.prefix)]
        parts = [str(root / part) for root in roots for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
        paths = [*_SYSTEM, *_DEVICES, *parts, *mounts.libraries(), *([folder] if folder else [])]
        return {
            "user": _free_user() if os.geteuid() == 0 else None,
            "namespaces": [],
            "descriptors": descriptors,
            "folder": folder,
            # A process inside can end itself by any signal.
            "filtered": False,
            "self_killed": True,
            "environment": {
                "LANG": "C.UTF-8",
                "HOME": "/nonexistent",
                "MALLOC_ARENA_MAX": "4",
                # torch makes this folder when an optimiser is first used, unless it is there.
                "TORCHINDUCTOR_CACHE_DIR": "/usr",
            },
            "landlock": {"abi": self._abi, "paths": [p for p in dict.fromkeys(paths) if Path(p).exists()]},
        }

    def start(self, bundle: Bundle, *, limits: Limits, device: str = "auto") -> Session:
        """A process under Landlock."""
        if wants_gpu(device):
            raise EvaluationError(
                Reason.SANDBOX_UNAVAILABLE, "Landlock is not used with a GPU: --device cpu."
            )
        program = filter_program(gpu=False, sockets=False)
        folder = stage(bundle)
        pipes = Pipes()
        filter_fd, options_fd = in_memory(program), -1
        try:
            options = runner_options(
                limits,
                device=device,
                bundle=str(folder / "bundle"),
                path=mounts.libraries(),
                confined=os.geteuid() == 0,
                filter_fd=FIRST_DESCRIPTOR + 2,
                descriptors=(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 1),
            )
            options_fd = in_memory(options)
            descriptors = [pipes.child_requests, pipes.child_replies, filter_fd, options_fd]
            confinement = self._confinement(descriptors, str(folder))
            if confinement["user"] is not None:
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, confinement["user"], confinement["user"])
            groups, counters = self._groups.plan(limits) if self._groups else ([], {})
            supervision = {"groups": groups, "counters": counters, "cpu_seconds": limits.cpu_seconds}
            runner = [sys.executable, "-I", "-S", "-B", str(folder / "runner" / "runner.py")]
            runner.append(str(FIRST_DESCRIPTOR + 3))
            life = Lifeline()

            def clean() -> None:
                cgroups.remove(groups)
                shutil.rmtree(folder, ignore_errors=True)

            process = Process(
                supervised(runner, life, supervision | confinement),
                pipes,
                pass_fds=[filter_fd, options_fd],
                life=life,
                after=clean,
            )
        finally:
            os.close(filter_fd)
            if options_fd >= 0:
                os.close(options_fd)
        return Session(process, limits)


def _free_user() -> int:
    """A user id of USERS that no process has."""
    used = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            used.add(path.stat().st_uid)
        except OSError:
            continue
    start = 64 * os.getpid() + next(_numbers)
    return next(uid for n in range(len(USERS)) if (uid := USERS[(start + n) % len(USERS)]) not in used)
