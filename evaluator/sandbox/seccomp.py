"""The system calls that a submission's process may make: an allow list, because a deny list leaks.

It is Docker's default profile without what reaches other processes, the kernel's insides, mounts, namespaces,
keys, other programs or the network. A process may start threads, and neither processes nor programs: so the
limit on its address space is a limit on its memory.

Denied too is what two sandboxes could talk by through a file or a counter that both see: file locks; advice
about the page cache, reads that only succeed from it, and questions what is in it (fadvise64, readahead,
preadv2 with flags, mincore, cachestat, madvise of the kinds that move shared pages); the times of files
(utimensat); the machine's load and free memory (sysinfo).

libseccomp compiles the list; the child installs it before it imports torch.
"""

import errno
import importlib
import os
import tempfile
from functools import lru_cache
from typing import Any, Final

_PLAIN: Final = """
access arch_prctl brk chdir chmod clock_getres clock_gettime clock_nanosleep close close_range dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 faccessat
faccessat2 fallocate fchdir fchmod fchmodat fdatasync fstat fstatfs fsync ftruncate
futex futex_waitv futex_wake futex_wait futex_requeue get_robust_list getcpu getcwd getdents getdents64
getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid
getresuid getrlimit getrusage getsid gettid gettimeofday getuid kill lseek lstat membarrier
mkdir mkdirat mlock mmap mprotect mremap msync munlock munmap nanosleep newfstatat open openat openat2 pause
pipe pipe2 poll ppoll pread64 preadv prlimit64 pselect6 pwrite64 pwritev read
readlink readlinkat readv recvfrom recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getparam sched_getscheduler
sched_setaffinity sched_yield select sendmsg sendto set_robust_list set_tid_address setitimer shutdown
sigaltstack stat statfs statx tgkill time timer_create timer_delete timer_getoverrun timer_gettime
timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink
unlinkat wait4 waitid write writev
""".split()  # noqa: SIM905 - two hundred quoted words read worse

# Answered with "not permitted"; everything else that is not listed does not exist.
_REFUSED: Final = (
    "execve",
    "execveat",
    "fork",
    "vfork",
    "flock",
    "ptrace",
    "mount",
    "unshare",
    "setns",
    "bpf",
)

_CLONE_THREAD: Final = 0x0001_0000
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_CLONE_NEW: Final = (
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000
)
# fcntl without locks, leases and notifications.
_FCNTL: Final = (0, 1, 2, 3, 4, 1030, 1031, 1032, 1033, 1034)
# prctl of PR_GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, SET_TIMERSLACK, GET_TIMERSLACK,
# SET_NO_NEW_PRIVS, GET_NO_NEW_PRIVS, SET_THP_DISABLE, GET_THP_DISABLE, SET_VMA; not of PR_SET_PDEATHSIG, by
# which a sandbox whose reaper is killed would outlive it.
_PRCTL: Final = (3, 15, 16, 21, 23, 29, 30, 38, 39, 41, 42, 0x53564D41)
# ioctl of TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
_IOCTL: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_AF_UNIX: Final = 1
# madvise of NORMAL, RANDOM, SEQUENTIAL, DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE, NOHUGEPAGE, DONTDUMP,
# DODUMP: of the own mapping alone. Not of PAGEOUT, COLD, WILLNEED, POPULATE, REMOVE or COLLAPSE.
_MADVISE: Final = (0, 1, 2, 4, 8, 10, 11, 14, 15, 16, 17)
# Exit codes from here on mean a signal: the reaper takes one for the kernel's word.
_SIGNALLED: Final = 0x80
_OPTIMISE_AS_TREE: Final = 2


@lru_cache
def filter_program(*, gpu: bool, sockets: bool = True) -> bytes:
    """The list as a BPF program for seccomp(2); empty where libseccomp is not installed.

    Args:
        gpu: also what CUDA needs: memfd_create, and ioctl of every kind.
        sockets: also sockets of the Unix family, which without a network namespace reach the host; pairs of
            them are allowed in any case.
    """
    try:
        # Its import fails where the library is not there.
        pyseccomp = importlib.import_module("pyseccomp")
    except (ImportError, OSError, RuntimeError):
        return b""
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    # The doors of 32-bit programs and of x32: a thread alone would leave the others, and the judge waiting.
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    rules.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, _OPTIMISE_AS_TREE)
    plain = [*_PLAIN, "memfd_create", "ioctl"] if gpu else _PLAIN
    for name in plain:
        _add(rules, pyseccomp.ALLOW, name)
    refused = pyseccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        _add(rules, refused, name)
    mask = _CLONE_THREAD | _CLONE_NEW
    _add(rules, pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, mask, _CLONE_THREAD))
    _add(rules, refused, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0))
    for name in ("exit", "exit_group"):
        _add(rules, pyseccomp.ALLOW, name, pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _SIGNALLED, 0))
        _add(
            rules,
            pyseccomp.KILL_PROCESS,
            name,
            pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _SIGNALLED, _SIGNALLED),
        )
    for name in ("socket", "socketpair"):
        if name == "socket" and not sockets:
            _add(rules, refused, name)
            continue
        _add(rules, pyseccomp.ALLOW, name, pyseccomp.Arg(0, pyseccomp.EQ, _AF_UNIX))
        _add(rules, refused, name, pyseccomp.Arg(0, pyseccomp.NE, _AF_UNIX))
    for name, place, codes in (
        ("fcntl", 1, _FCNTL),
        ("ioctl", 1, () if gpu else _IOCTL),
        ("prctl", 0, _PRCTL),
        ("madvise", 2, _MADVISE),
        ("preadv2", 5, (0,)),
        ("pwritev2", 5, (0,)),
    ):
        for code in codes:
            # The kernel looks at the low half of the argument alone.
            _add(rules, pyseccomp.ALLOW, name, pyseccomp.Arg(place, pyseccomp.MASKED_EQ, 0xFFFF_FFFF, code))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.flush()
        return os.pread(file.fileno(), 1 << 20, 0)


def _add(rules: Any, action: int, name: str, *arguments: Any) -> None:
    try:
        rules.add_rule(action, name, *arguments)
    except (OSError, ValueError):
        # A call that this architecture, or its libseccomp, has never heard of: refused with the rest.
        return
