"""A sandbox of bubblewrap: namespaces, a read-only system, private /tmp, no network, a user of its own.

Covered: no network of any kind; of the host only the system's programs and libraries, the Python
environment and the bundle can be read; nothing can be written but a sized /tmp and /dev/shm; no other process is visible;
the environment is empty; address space, processor time, open files and file size are limited; output and every
answer have limits that the judge measures. Started by root, it drops to a user without rights before
bubblewrap runs, because bubblewrap started by root leaves root's rights on files.

Not covered here: system calls are not filtered, memory that several processes share out is not counted
together (no cgroup), and the kernel itself is trusted. For a public service, run the worker in a disposable
virtual machine as well.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from challenge.bundle import Bundle
from challenge.verdicts import EvaluationError, Reason
from evaluator.limits import Limits
from evaluator.process import Pipes, Process
from evaluator.sandbox.stage import stage
from evaluator.session import Session

# Belongs to no account, so that nothing else runs as it or has files of it.
DROP_TO: Final = 64_123
INSIDE: Final = 1000
# Inside only: fresh and private, not the host's.
TMP: Final = "/tmp"  # noqa: S108
SHM: Final = "/dev/shm"  # noqa: S108
STATUS_SECONDS: Final = 5.0
GPU_DEVICES: Final = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia0")


class Bubblewrap:
    """Sandboxes by bubblewrap (https://github.com/containers/bubblewrap)."""

    name = "bubblewrap"

    def __init__(self) -> None:
        self._program = shutil.which("bwrap") or "bwrap"
        self._user = DROP_TO if os.geteuid() == 0 else None

    def describe(self) -> dict[str, str]:
        """What is in force."""
        user = f"uid {self._user}" if self._user is not None else "the evaluator's own, without capabilities"
        return {
            "confinement": "bubblewrap: user, process, network, IPC, UTS and cgroup namespaces",
            "user": user,
            "network": "none",
            "files": "read-only system; private /tmp and /dev/shm of limited size",
            "memory": "address space of the process (RLIMIT_AS)",
            "system calls": "not filtered",
        }

    def try_out(self) -> None:
        """Start the interpreter in an empty sandbox.

        Raises:
            EvaluationError: SANDBOX_UNAVAILABLE, with what is missing and what to do.
        """

        def missing(detail: str) -> EvaluationError:
            return EvaluationError(Reason.SANDBOX_UNAVAILABLE, detail)

        if shutil.which(self._program) is None:
            raise missing("bubblewrap is not installed: `apt-get install bubblewrap`.")
        identity = {} if self._user is None else {"user": self._user, "group": self._user, "extra_groups": []}
        tried = subprocess.run(
            [self._program, *self._arguments(None), sys.executable, "-I", "-S", "-c", "print(6 * 7)"],
            capture_output=True,
            text=True,
            env={},
            cwd="/",
            timeout=60,
            check=False,
            **identity,  # type: ignore[call-overload]  # one mapping of three keyword arguments
        )
        if tried.stdout.strip() == "42":
            return
        said = tried.stderr.strip()[-300:]
        prefix = Path(sys.prefix).resolve()
        if "No such file" in said or ("Permission denied" in said and "namespace" not in said):
            raise missing(
                f"The sandbox's user cannot read the Python environment at {prefix}: move it to where "
                f"every user can read it, like /opt or /srv. (bubblewrap said: {said})"
            )
        raise missing(
            "bubblewrap cannot make its namespaces here: allow them with `sysctl "
            "kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0` (each where "
            f"it exists), or start the container with user namespaces. (bubblewrap said: {said})"
        )

    def start(self, bundle: Bundle, *, limits: Limits, device: str = "auto") -> Session:
        """A process in fresh namespaces."""
        folder = stage(bundle, self._user)
        pipes = Pipes()
        path = [str(_real(sysconfig.get_path(name))) for name in ("purelib", "platlib")]
        options = pipes.options(limits, device=device, bundle="/bundle", path=list(dict.fromkeys(path)))
        inner = [sys.executable, "-I", "-S", "-B", "/runner/child.py", options]
        status, theirs = os.pipe()
        arguments = _sealed([*self._arguments(folder, limits, device), "--json-status-fd", str(theirs)])
        # Not on the command line: that can be read in /proc from inside, and names the host's paths.
        command = [self._program, "--args", str(arguments), *inner]

        def clean() -> None:
            os.close(status)
            shutil.rmtree(folder, ignore_errors=True)

        try:
            process = Process(
                command,
                pipes,
                pass_fds=[arguments, theirs],
                user=self._user,
                before_kill=lambda: _kill_init(status),
                after=clean,
            )
        finally:
            os.close(arguments)
            os.close(theirs)
        return Session(process, limits)

    def _arguments(self, folder: Path | None, limits: Limits | None = None, device: str = "cpu") -> list[str]:
        size = str((limits or Limits()).tmp_bytes)
        args = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        args += ["--unshare-cgroup", "--disable-userns", "--uid", str(INSIDE), "--gid", str(INSIDE)]
        args += ["--hostname", "sandbox", "--cap-drop", "ALL", "--die-with-parent", "--new-session"]
        args += _system()
        args += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", SHM]
        args += ["--size", size, "--perms", "0700", "--tmpfs", TMP]
        args += ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
        if folder is not None:
            args += ["--ro-bind", str(folder / "bundle"), "/bundle"]
            args += ["--ro-bind", str(folder / "runner"), "/runner"]
        if device != "cpu":
            args += _gpu()
        args += ["--clearenv"]
        environment = {
            "HOME": TMP,
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin",
            "CUDA_CACHE_DISABLE": "1",
        }
        for name, value in environment.items():
            args += ["--setenv", name, value]
        return [*args, "--chdir", TMP, "--remount-ro", "/dev", "--remount-ro", "/"]


def _real(path: str) -> Path:
    return Path(path).resolve()


def _system() -> list[str]:
    """The system's programs and libraries, and the Python environment; nothing of this project."""
    args = ["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin"):
        path = Path("/") / name
        if path.is_symlink():
            args += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            args += ["--ro-bind", str(path), str(path)]
    shown = [Path("/usr")]
    for prefix in (sys.base_prefix, sys.prefix):
        real = _real(prefix)
        if not any(real.is_relative_to(path) for path in shown):
            args += ["--ro-bind", str(real), str(real)]
            shown.append(real)
        if Path(prefix) != real:
            args += ["--symlink", str(real), str(prefix)]
    return args + _masks(shown)


def _masks(shown: list[Path]) -> list[str]:
    """Hide this project's packages where they are installed beside the libraries."""
    args = []
    for package in ("challenge", "evaluator", "leaderboard"):
        installed = _real(sysconfig.get_path("purelib")) / package
        if installed.is_dir() and any(installed.is_relative_to(path) for path in shown):
            args += ["--tmpfs", str(installed)]
    return args


def _gpu() -> list[str]:
    """NVIDIA's devices and what CUDA reads to find them. From others' reports: not tested on a GPU."""
    args = []
    if Path("/dev/nvidiactl").exists():
        for name in GPU_DEVICES:
            args += ["--dev-bind-try", f"/dev/{name}", f"/dev/{name}"]
        args += ["--ro-bind", "/sys", "/sys"]
    return args


def _sealed(arguments: list[str]) -> int:
    """A descriptor that holds the arguments as bubblewrap reads them: each ended by a zero byte."""
    descriptor = os.memfd_create("arguments")
    os.write(descriptor, b"".join(argument.encode() + b"\0" for argument in arguments))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _kill_init(status: int) -> None:
    """Kill the first process of the namespace, and with it all others; bubblewrap told its number."""
    if not select.select([status], [], [], STATUS_SECONDS)[0]:
        return
    told = os.read(status, 4096).decode("utf-8", "replace").partition("\n")[0]
    with contextlib.suppress(ValueError, KeyError, TypeError, ProcessLookupError):
        os.kill(int(json.loads(told)["child-pid"]), signal.SIGKILL)
