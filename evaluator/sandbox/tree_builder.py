"""Copy a list of files into a new tmpfs in a mount namespace of its own, and wait to be let go.

Runs as `python -I -S tree_builder.py`, with the standard library alone, reads its plan as JSON from standard
input and prints one line when the tree is complete and read-only. The caller then opens this process's
namespaces; when the last descriptor of them is closed, the kernel frees the tmpfs. So nothing is left behind,
whoever is killed.
An ordinary user gets a user namespace first, in which mounting is allowed.

Every file, link and folder gets the same time, which tells nothing of this machine. (When an inode last
changed is the kernel's own to say.)
"""

# ruff: noqa: PTH101, PTH103, PTH113, PTH116, PTH118, PTH120, PTH123, PTH211 - thousands of files: pathlib would take half of the time

import ctypes
import json
import os
import shutil
import struct
import sys
from pathlib import Path
from typing import Any

_CLONE_NEWNS = 0x0002_0000
_CLONE_NEWUSER = 0x1000_0000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_NOATIME = 1, 2, 4, 32, 1024
_MS_REC, _MS_PRIVATE = 16384, 1 << 18
# Of all files: 2001-09-09.
SECONDS = 1_000_000_000
# Of compiled modules (PEP 552): magic number, flags, time and size of the source.
_HEADER = struct.Struct("<4sIII")


def main() -> None:
    """Make the tree that the plan describes."""
    plan: dict[str, Any] = json.loads(sys.stdin.readline())
    libc = ctypes.CDLL(None, use_errno=True)
    _enter_namespaces(libc)
    _check(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "make mounts private")
    root = plan["root"]
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOATIME
    options = f"mode=0755,size={plan['bytes']}"
    # Linux 6.4 and later, for root: swapped pages could be told from others.
    kept = libc.mount(b"tmpfs", root.encode(), b"tmpfs", flags, f"{options},noswap".encode()) == 0
    if not kept:
        _check(libc.mount(b"tmpfs", root.encode(), b"tmpfs", flags, options.encode()), "mount a tmpfs")
    for path in plan["directories"]:
        os.makedirs(root + path, mode=0o755, exist_ok=True)
    for path, target in plan["links"]:
        os.symlink(target, root + path)
    for path in plan["files"]:
        _copy(path, root + path)
    for path, text in plan["texts"]:
        Path(root + path).write_text(text, encoding="utf-8")
        os.chmod(root + path, 0o444)
    _set_times(root)
    _check(libc.mount(None, root.encode(), None, flags | _MS_REMOUNT | _MS_RDONLY, None), "make it read-only")
    os.write(1, b"ready, never swapped\n" if kept else b"ready\n")
    # Until the caller has opened the namespaces, or is gone.
    sys.stdin.readline()


def _enter_namespaces(libc: Any) -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _check(libc.unshare(_CLONE_NEWNS), "make a mount namespace")
        return
    _check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "make a user namespace")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def _copy(source: str, destination: str) -> None:
    shutil.copyfile(source, destination)
    if source.endswith(".pyc"):
        _rewrite_time(source, destination)
    os.chmod(destination, 0o555 if os.stat(source).st_mode & 0o111 else 0o444)


def _rewrite_time(source: str, destination: str) -> None:
    """Let a compiled module that is valid name the time that its source has in the tree."""
    folder, name = os.path.split(source)
    module = os.path.join(os.path.dirname(folder), f"{name.partition('.')[0]}.py")
    with open(destination, "r+b") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size or not os.path.isfile(module):
            return
        magic, flags, seconds, size = _HEADER.unpack(head)
        status = os.stat(module)
        if flags == 0 and (seconds, size) == (
            int(status.st_mtime) & 0xFFFF_FFFF,
            status.st_size & 0xFFFF_FFFF,
        ):
            file.seek(0)
            file.write(_HEADER.pack(magic, flags, SECONDS, size))


def _set_times(root: str) -> None:
    for folder, folders, files in os.walk(root, topdown=False):
        for name in (*files, *folders):
            os.utime(os.path.join(folder, name), (SECONDS, SECONDS), follow_symlinks=False)
    os.utime(root, (SECONDS, SECONDS))


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot {what}: {os.strerror(code)}")


if __name__ == "__main__":
    main()
