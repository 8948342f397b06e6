"""What is tried from inside before anything is judged: a sandbox that one of these gets out of is none.

The program runs with the standard library alone and prints the names of what worked. The filter of system
calls is not there yet when it runs, so each has to be stopped by namespaces, mounts and rights.
"""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEALED: Final = "sealed"

_PROGRAM: Final = """
import ctypes, os, socket

libc = ctypes.CDLL(None, use_errno=True)

def write(path):
    with open(path, "r+" if os.path.exists(path) else "x") as file:
        file.write("")

def connect():
    socket.create_connection(("127.0.0.1", {port}), 2).close()

def check(true):
    if not true:
        raise OSError

WAYS = {{
    "the host's network": connect,
    "the host's files": lambda: open({marker!r}).close(),
    "the host's passwords": lambda: open("/etc/shadow").close(),
    "the host's processes": lambda: check(len([n for n in os.listdir("/proc") if n.isdigit()]) > 1),
    "the evaluator's environment": lambda: check("MBC_" in open("/proc/1/environ").read()),
    "writing to /": lambda: write("/escaped"),
    "writing to /usr": lambda: write("/usr/escaped"),
    "writing to /dev": lambda: write("/dev/escaped"),
    "the kernel's settings": lambda: write("/proc/sys/kernel/core_pattern"),
    "becoming root": lambda: os.setuid(0),
    "mounting": lambda: check(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0),
    "a user namespace of its own": lambda: check(libc.unshare(0x10000000) == 0),
}}
for name, way in WAYS.items():
    try:
        way()
    except OSError:
        continue
    print(name)
print("sealed")
"""


@contextlib.contextmanager
def attempts() -> Iterator[str]:
    """The program, and while it runs, on the host, what it looks for."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        Path(folder).chmod(0o755)
        marker = Path(folder) / "marker"
        marker.touch()
        marker.chmod(0o644)
        yield _PROGRAM.format(port=server.getsockname()[1], marker=str(marker))
