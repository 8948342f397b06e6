"""Runs `mbc` as on another system: `python -m tests.support.other_system darwin score mine --quick`.

Third-party packages are imported first, as they are on this system. Then what only Linux or only Unix has is
taken away: modules cannot be imported, functions and /proc are gone, and sys.platform says otherwise.
"""

import builtins
import importlib
import os
import pathlib
import pkgutil
import select
import selectors
import signal
import socket
import subprocess
import sys

THIRD_PARTY = (
    "asyncio", "click", "concurrent.futures.thread", "httpx", "llvmlite.binding", "logging.handlers",
    "matplotlib.pyplot", "mlxtend.data", "multiprocessing", "numba", "numpy.random", "PIL.Image",
    "platformdirs", "pydantic", "rich.console", "rich.progress", "safetensors.torch", "scipy.ndimage",
    "scipy.special", "sklearn.datasets", "sqlite3", "ssl", "subprocess", "tempfile", "torch",
    "torch._dynamo", "uuid",
)  # fmt: skip
LINUX_MODULES = {"pyseccomp"}
UNIX_MODULES = {"resource", "fcntl", "pwd", "grp", "termios", "pty"}
LINUX_FUNCTIONS = {os: ("sched_getaffinity", "memfd_create", "pidfd_open")}
UNIX_FUNCTIONS = {
    os: ("fork", "geteuid", "getuid", "getgid", "setuid", "killpg", "setsid", "getpgid", "uname"),
    select: ("poll",),
    signal: ("SIGKILL", "SIGHUP", "SIGCHLD", "pthread_sigmask"),
    socket: ("AF_UNIX",),
}


def _socketpair():
    """As Python makes it where there are no sockets of the Unix family."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        return one, server.accept()[0]


class _NotHere:
    """A finder that has none of these modules."""

    def __init__(self, names):
        self._names = names

    def find_spec(self, name, _path=None, _target=None):
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def become(platform):
    """Take away from this process what `platform` ("darwin" or "win32") lacks."""
    for name in THIRD_PARTY:
        importlib.import_module(name)
    windows = platform == "win32"
    modules = LINUX_MODULES | (UNIX_MODULES if windows else set())
    for name in modules:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _NotHere(modules))
    for functions in (LINUX_FUNCTIONS, *([UNIX_FUNCTIONS] if windows else [])):
        for module, names in functions.items():
            for name in names:
                if hasattr(module, name):
                    delattr(module, name)
    if windows:
        socket.socketpair = _socketpair
        selectors.DefaultSelector = selectors.SelectSelector
        subprocess.Popen.kill = lambda self: os.kill(self.pid, 9)  # there it names no signal
    else:
        import resource

        def refused(*_):
            raise ValueError("current limit exceeds maximum limit")

        resource.setrlimit = refused  # as macOS does for RLIMIT_AS
    open_, read = builtins.open, pathlib.Path.read_text

    def no_proc(path, *rest, **more):
        if str(path).startswith(("/proc/", "/sys/")):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return open_(path, *rest, **more)

    def no_proc_text(self, *rest, **more):
        if str(self).startswith(("/proc/", "/sys/")):
            raise FileNotFoundError(2, "No such file or directory", str(self))
        return read(self, *rest, **more)

    builtins.open, pathlib.Path.read_text = no_proc, no_proc_text
    os.environ["PATH"] = ""  # no bubblewrap
    sys.platform = platform


def import_everything(*packages):
    """Import every module of the packages; the names of those that cannot be."""
    failed = []
    for package in packages:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if ".references" in found.name:
                continue
            try:
                importlib.import_module(found.name)
            except Exception as error:  # all of them are wanted
                failed.append(f"{found.name}: {type(error).__name__}: {error}")
    return failed


if __name__ == "__main__":
    become(sys.argv.pop(1))
    if sys.argv[1:] == ["import"]:
        failed = import_everything("challenge", "evaluator")
        print("\n".join(failed))
        sys.exit(bool(failed))
    from challenge.commands.cli import main

    sys.exit(main())
