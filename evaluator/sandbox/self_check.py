"""Escapes that are tried from inside before anything is judged: if one works, nothing is.

The programs run with the standard library alone and print the names of what worked. The filter of system
calls is not there yet when they run, so each has to be stopped by namespaces, mounts and rights.
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


# In front of the attempts where the filter of system calls has to hold what namespaces do not.
INSTALL_FILTER: Final = """
import ctypes, os
program = os.pread(10, 1 << 20, 0)
code = ctypes.create_string_buffer(program, len(program))
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, ctypes.byref(Program(len(program) // 8, ctypes.addressof(code))), 0, 0):
    raise SystemExit("the kernel does not take the filter of system calls")
"""
# Two programs for two sandboxes, one after the other: the first leaves a pattern in the page cache of a file
# that both see, and absent names; the second asks which pages are there, and how many absent names. That an
# answer exists is enough.
LEAVE_MARKS: Final = """
import mmap, os
from pydoc_data import topics
file = os.open(topics.__file__, os.O_RDONLY)
pages = os.fstat(file).st_size // mmap.PAGESIZE
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
for page in range(0, pages, 2):
    os.pread(file, 1, page * mmap.PAGESIZE)
folder = os.path.dirname(topics.__file__)
for number in range(4000):
    os.path.exists(f"{folder}/absent-{number}")
print("sealed")
"""
FIND_MARKS: Final = """
import mmap, os
from pydoc_data import topics
file = os.open(topics.__file__, os.O_RDONLY)
pages = os.fstat(file).st_size // mmap.PAGESIZE
try:
    for page in range(pages):
        try:
            os.preadv(file, [bytearray(1)], page * mmap.PAGESIZE, os.RWF_NOWAIT)
        except BlockingIOError:
            pass
    print("the page cache that another sandbox used")
except OSError:
    pass
try:
    open("/proc/sys/fs/dentry-state").close()
    print("the kernel's count of absent names that another sandbox looked for")
except OSError:
    pass
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
