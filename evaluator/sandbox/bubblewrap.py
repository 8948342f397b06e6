"""A sandbox of bubblewrap: namespaces, a read-only system, private /tmp, no network, a user of its own.

Covered: no network of any kind; of the host only the system's programs and libraries, the Python
environment and the bundle can be read; nothing can be written but a sized /tmp and /dev/shm; no other process
is visible; the environment is empty; memory of every kind, tasks and processor time are limited by control
groups where the evaluator may make them (see `cgroups`), and in any case address space, processor time,
threads, open files and file size by limits of the process; output and every answer have limits that the
judge measures. Where libseccomp is installed, system calls are an allow list (see `seccomp`) without new
processes, so that even without control groups the address space bounds the memory. Started by root, it drops
to a user without rights before bubblewrap runs, because bubblewrap started by root leaves root's rights on
files. Every sandbox has a reaper (see `reaper`) that ends all of it when the judge is done with it, or is
killed. For strangers' code the files are copies in memory (see `tree`), without /proc, so that two sandboxes
share no cache, counter or time of a file.

Not covered: without control groups (development) a flood of empty files in /tmp takes memory of the kernel;
with a GPU, address space cannot be limited, so control groups are needed there, and that part is written from
others' reports; without libseccomp the kernel's whole interface is within reach; the kernel itself is
trusted. For a public service, run the worker in a disposable virtual machine as well.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from challenge.bundle.reader import Bundle
from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox import cgroups, diagnosis, fork_server, forking, gpus, mounts, programs, reaper, tree
from evaluator.sandbox.files import in_memory
from evaluator.sandbox.limits import MIB, Limits
from evaluator.sandbox.process import Lifeline, Pipes, Process, runner_options, wants_gpu
from evaluator.sandbox.seccomp import filter_program
from evaluator.sandbox.self_check import FIND_MARKS, LEAVE_MARKS, SEALED, attempts
from evaluator.sandbox.session import Session
from evaluator.sandbox.staging import of_bundle, of_forks
from evaluator.sandbox.supervision import run_supervised, supervised

# Belongs to no account, so that nothing else runs as it or has files of it.
DROP_TO: Final = 64_123
INSIDE: Final = 1000
# Inside only: fresh and private, not the host's.
TMP: Final = "/tmp"  # noqa: S108
SHM: Final = "/dev/shm"  # noqa: S108
_GPU_DEVICES: Final = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")


def makes_namespaces(program: str | None = None) -> bool:
    """Whether bubblewrap starts at all, as the user of sandboxes."""
    program = programs.find(program or "bwrap")
    if program is None:
        return False
    command = [program, "--unshare-user", "--ro-bind", "/", "/", program, "--version"]
    user = DROP_TO if os.geteuid() == 0 else None
    try:
        ran = subprocess.run(command, capture_output=True, user=user, env={}, cwd="/", check=False)
    except OSError:
        return False
    return ran.returncode == 0


class Bubblewrap:
    """Sandboxes by bubblewrap (https://github.com/containers/bubblewrap)."""

    def __init__(self, *, strangers: bool = True) -> None:
        """Make the tree that sandboxes see, where the code of `strangers` runs here.

        Strangers get no GPU without control groups. Where the tree cannot be made, sandboxes see the host's
        own files, and `unsealed` says why.
        """
        self._strangers = strangers
        self._groups = cgroups.find()
        self._program = programs.find("bwrap") or "bwrap"
        self._user = DROP_TO if os.geteuid() == 0 else None
        self._tree: tree.Tree | None = None
        self.unsealed = "only for models of your own" if not strangers else ""
        # Before seconds are spent on the tree.
        if strangers and not makes_namespaces():
            self.unsealed = "bubblewrap does not work here."
        elif strangers:
            try:
                self._tree = tree.shared()
            except EvaluationError as error:
                self.unsealed = error.sentence
        self._exposed = mounts.unreachable_roots() if self._user is not None and not self._tree else {}

    @property
    def name(self) -> str:
        """The tool, what limits memory, the user, and whether system calls are filtered."""
        groups = self._groups.name if self._groups else "no cgroup"
        seccomp = "seccomp" if filter_program(gpu=False) else "no seccomp"
        sealed = "sealed" if self._tree else "not sealed"
        return f"bubblewrap, {groups}, uid {self._uid}, {seccomp}, {sealed}"

    @property
    def _uid(self) -> int:
        return os.geteuid() if self._user is None else self._user

    def describe(self, limits: Limits | None = None) -> dict[str, str]:
        """What is in force."""
        limits = limits or Limits.from_environment()
        memory = f"{limits.memory_bytes // MIB} MiB of address space"
        if self._groups:
            memory = f"{self._groups.describe(limits)}; {memory}"
        else:
            memory += f"; no control groups (development): {cgroups.ADVICE}"
        whose = "of no account" if self._user is not None else "the evaluator's own"
        user = f"uid {self._uid}, {whose}, without capabilities or new privileges; {INSIDE} inside"
        return {
            "confinement": "bubblewrap: user, process, network, IPC, UTS and cgroup namespaces",
            "user": user,
            "network": "none",
            "files": (
                f"read-only, {self._tree.describe()}; private /tmp and /dev/shm of limited size"
                if self._tree
                else "read-only system; private /tmp and /dev/shm of limited size"
            ),
            "between sandboxes": "no shared caches, counters or times of files"
            if self._tree
            else f"sandboxes can talk through the host's page cache: {self.unsealed}",
            "memory": memory,
            "system calls": "allow list, no new processes"
            if filter_program(gpu=False)
            else "not filtered: libseccomp is not installed",
            "limits": limits.sentence(),
        }

    def try_out(self) -> None:
        """Start the interpreter in a sandbox without a bundle, and try to get out of it.

        Raises:
            EvaluationError: SANDBOX_UNAVAILABLE, with what is missing and what to do.
        """

        def missing(detail: str) -> EvaluationError:
            return EvaluationError(Reason.SANDBOX_UNAVAILABLE, detail)

        if programs.find(self._program) is None:
            raise missing("bubblewrap is not installed: `apt-get install bubblewrap`.")
        with attempts() as program:
            tried = self._try(program)
        *escapes, last = tried.stdout.splitlines() or [""]
        if last == SEALED and self._tree:
            self._try(LEAVE_MARKS)
            *channels, last = self._try(FIND_MARKS).stdout.splitlines() or [""]
            escapes += channels
        if last == SEALED and not escapes:
            if filter_program(gpu=False) and not wants_gpu("auto"):
                # So that the first sandbox need not wait for it.
                self._server()
            return
        if last == SEALED:
            raise missing(f"bubblewrap does not confine here; within reach: {', '.join(escapes)}.")
        said = tried.stderr.strip()[-300:]
        if not makes_namespaces(self._program):
            raise missing(diagnosis.why_no_namespaces(diagnosis.observe(self._user), said))
        door = mounts.first_closed_directory(Path(sys.prefix).resolve()) if self._user is not None else None
        if door is not None:
            raise missing(
                f"The Python environment {sys.prefix} lies behind {door}, which the sandbox's user may not "
                "enter: make the environment where every user can read it, like /opt, or run the evaluator "
                f"as an ordinary user instead of root. (bubblewrap said: {said})"
            )
        if "No such file" in said or ("Permission denied" in said and "namespace" not in said):
            raise missing(
                f"The sandbox cannot read the Python environment at {sys.prefix}: make it where "
                f"every user can read it, like /opt. (bubblewrap said: {said})"
            )
        raise missing(diagnosis.why_no_namespaces(diagnosis.observe(self._user), said))

    def _try(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the standard library alone in a sandbox without a bundle."""
        inner = [sys.executable, "-I", "-S", "-c", program]
        command, options = self._launch(
            [self._program, *self._arguments(Limits()), "--remount-ro", "/", *inner]
        )
        return run_supervised(command, options | {"filtered": False, "descriptors": []}, self._namespaces)

    def start(self, bundle: Bundle, *, limits: Limits, device: str = "auto") -> Session:
        """A process in fresh namespaces."""
        gpu = wants_gpu(device)
        if gpu and self._strangers and self._groups is None:
            raise EvaluationError(
                Reason.SANDBOX_UNAVAILABLE,
                f"Memory cannot be limited on a GPU without control groups: {cgroups.ADVICE}.",
            )
        program = filter_program(gpu=gpu)
        server = self._server() if program and not gpu else None
        with contextlib.ExitStack() as descriptors:
            # Everything travels in descriptors: nothing lies on a disk, or outlives a judge that is killed.
            pipes = Pipes()
            passed = [pipes.child_requests, pipes.child_replies]

            def sealed(content: bytes) -> int:
                passed.append(in_memory(content))
                descriptors.callback(os.close, passed[-1])
                return reaper.FIRST_DESCRIPTOR + len(passed) - 1

            options = runner_options(
                limits,
                device=device,
                bundle="/bundle",
                path=self._library_path,
                confined=True,
                filter_fd=reaper.FIRST_DESCRIPTOR + 3 if program else None,
                descriptors=(reaper.FIRST_DESCRIPTOR, reaper.FIRST_DESCRIPTOR + 1),
            )
            # First, so that they have the same numbers however many files there are.
            runner_fd = sealed(options)
            if program:
                sealed(program)
            groups, counters = self._groups.plan(limits) if self._groups else ([], {})
            supervision = {
                "groups": groups,
                "counters": counters,
                "cpu_seconds": limits.cpu_seconds,
                "filtered": bool(program),
                "descriptors": passed,
            }
            others: list[int] = []
            if server is None:
                arguments = self._arguments(limits, gpu=gpu)
                arguments += ["--size", str(fork_server.BUNDLE_BYTES), "--tmpfs", "/bundle"]
                files = {f"bundle/{name}": content for name, content in of_bundle(bundle).items()}
                for name, content in (files | self._runner_files()).items():
                    arguments += ["--perms", "0444", "--file", str(sealed(content)), f"/{name}"]
                arguments += ["--remount-ro", "/bundle"]
                inner = [sys.executable, "-I", "-S", "-B", "/runner/runner.py", str(runner_fd)]
                # Not on the command line: that can be read in /proc from inside, and names the host's paths.
                options_fd = sealed(forking.joined([*arguments, "--remount-ro", "/"]))
                command, launching = self._launch([self._program, "--args", str(options_fd), *inner])
            else:
                sealed(forking.packed(of_bundle(bundle)))
                command, launching = [], server.options(limits)
                others = [server.requests]
            life = Lifeline()
            process = Process(
                supervised(command, life, supervision | launching),
                pipes,
                pass_fds=[*passed[2:], *self._namespaces, *others],
                life=life,
                after=lambda: cgroups.remove(groups),
            )
        return Session(process, limits)

    def _server(self) -> forking.ForkServer | None:
        """The server of forks; None where it cannot make what sandboxes see, or nothing at all."""
        prefixes = [str(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix)]
        if any(place.startswith(f"{TMP}/") for place in (*prefixes, *self._library_path)):
            # A sandbox's own /tmp would hide them.
            return None
        return forking.shared("sealed" if self._tree else "not sealed", self._start_server)

    def _start_server(self, requests: int) -> Process:
        def launch(options: str, inner: list[str]) -> tuple[list[str], dict[str, Any]]:
            return self._launch([self._program, "--args", options, *inner, *self._library_path])

        arguments = self._arguments(Limits(), forks=True)
        return forking.start(requests, arguments, self._runner_files(), launch, self._namespaces)

    def _runner_files(self) -> dict[str, bytes]:
        """What of them a sandbox does not see anyhow."""
        return {} if self._tree else of_forks()

    @property
    def _library_path(self) -> Sequence[str]:
        return self._tree.path if self._tree else mounts.libraries()

    @property
    def _namespaces(self) -> tuple[int, ...]:
        return self._tree.namespaces if self._tree else ()

    def _launch(self, command: list[str]) -> tuple[list[str], dict[str, Any]]:
        """The command that starts bubblewrap, and the reaper's options for it."""
        command, user = self._as_user(command)
        command[0] = programs.find(command[0]) or command[0]
        return command, {
            "user": user,
            "namespaces": self._namespaces,
            "self_killed": False,
            "folder": None,
            "environment": {},
            "landlock": None,
        }

    def _as_user(self, command: list[str]) -> tuple[list[str], int | None]:
        """The command, and the user that has to be dropped to before it."""
        if self._user is None or not self._exposed:
            return command, self._user
        return mounts.with_exposed_roots(command, self._user, self._exposed), None

    def _arguments(self, limits: Limits, *, gpu: bool = False, forks: bool = False) -> list[str]:
        """Bubblewrap's; with `forks` for a server, which makes namespaces and has no /proc."""
        size = str(limits.tmp_bytes)
        args = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        args += ["--unshare-cgroup"]
        if not forks:
            args += ["--disable-userns", "--assert-userns-disabled"]
        args += ["--uid", str(INSIDE), "--gid", str(INSIDE), "--hostname", "sandbox"]
        # As the first process of its namespace: bubblewrap's own would be there unfiltered, and within reach.
        args += ["--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1"]
        if self._tree:
            args += self._tree.arguments(devices=not gpu)
        if gpu or not self._tree:
            args += ["--dev", "/dev"]
        args += ["--size", size, "--tmpfs", SHM]
        # Before the environment, which may itself lie in a folder of the host's /tmp.
        args += ["--size", size, "--perms", "0700", "--tmpfs", TMP]
        if self._tree:
            args += self._tree.arguments_in_tmp()
        else:
            args += mounts.arguments(self._exposed)
            args += ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
        if forks and not self._tree:
            args += ["--ro-bind-try", "/proc/cpuinfo", "/proc/cpuinfo"]
        elif gpu or not self._tree:
            # Of the whole machine, load and memory among it; the tree has the few constants that are needed.
            args += ["--proc", "/proc"]
        if gpu:
            args += _gpu()
        args += ["--clearenv"]
        environment = {
            "HOME": TMP,
            "USER": "sandbox",
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin",
            # Each arena takes address space, not memory.
            "MALLOC_ARENA_MAX": "4",
            # Memory of one answer is kept for the next: the group counts every page that is had anew.
            "MALLOC_MMAP_THRESHOLD_": str(32 * MIB),
            "MALLOC_TRIM_THRESHOLD_": str(256 * MIB),
            "CUDA_CACHE_DISABLE": "1",
        }
        for name, value in environment.items():
            args += ["--setenv", name, value]
        if gpu or not self._tree:
            args += ["--remount-ro", "/dev"]
        return [*args, "--chdir", TMP]


def _gpu() -> list[str]:
    """NVIDIA's devices and what CUDA reads to find them. From others' reports: not tested on a GPU."""
    args = []
    visible = gpus.visible()
    if visible:
        # Only the first: an evaluation takes one.
        for name in (*_GPU_DEVICES, f"nvidia{visible[0]}"):
            args += ["--dev-bind-try", f"/dev/{name}", f"/dev/{name}"]
        args += ["--ro-bind", "/sys", "/sys"]
    return args
