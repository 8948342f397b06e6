"""Runs a command as in a container: `python -m tests.support.container COMMAND...`.

What Docker and Podman take away as they ship, and nothing but that: system calls that make namespaces or
mounts are refused with "operation not permitted" (clone3 with "not implemented"), root keeps Docker's
capabilities alone, and control groups cannot be written. It holds for the command and what it starts; no
setting of the machine changes. After the default profile of Docker's engine (profiles/seccomp/default.json).
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

import pyseccomp

_REFUSED = (
    "unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsmount",
    "fsconfig", "fspick", "mount_setattr",
)  # fmt: skip
_NEW_NAMESPACES = 0x7E02_0000
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT,
# MKNOD, AUDIT_WRITE, SETFCAP.
_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
_CLONE_NEWNS = 0x0002_0000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38


def in_container(*command):
    """The command line."""
    return [sys.executable, "-m", "tests.support.container", *map(str, command)]


def enter():
    """Take it all away from this process; in a process from which it was taken, nothing is left to do."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(function, *arguments):
        if function(*arguments):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    root = os.geteuid() == 0
    if root:
        try:
            call(libc.unshare, _CLONE_NEWNS)
        except PermissionError:
            return
        call(libc.mount, b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            place = line.split()[4]
            if place.startswith("/sys/fs/cgroup"):
                flags = _MS_REMOUNT | _MS_BIND | _MS_RDONLY
                call(libc.mount, b"none", place.encode(), None, flags, None)
    else:
        call(libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.CTL_NNP, 0)
    refused = pyseccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        rules.add_rule(refused, name)
    for bit in range(32):
        if _NEW_NAMESPACES >> bit & 1:
            new = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, 1 << bit, 1 << bit)
            rules.add_rule(refused, "clone", new)
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.load()
    if root:
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
        for capability in set(range(last + 1)) - _CAPABILITIES:
            call(libc.prctl, _PR_CAPBSET_DROP, capability, 0, 0, 0)


if __name__ == "__main__":
    enter()
    os.execvp(sys.argv[1], sys.argv[1:])
