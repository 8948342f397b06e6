"""Inside a sandbox: import torch once, and become a fresh sandbox for each one that is asked for.

Runs as `python -I -S -B fork_server.py SOCKET PROC REPLIES PATH...`, as the first process of a sandbox of its
own: no network, no files of the host, no capabilities, nothing of a submission, and no secret. It never reads
a request. It forks; the fork takes the request, enters new namespaces of every kind, in which it has a /tmp,
/dev/shm and /bundle of its own, and forks the first process of those, which gives up every right and
becomes the runner. The runner finds torch imported and does the rest as in any sandbox: limits, filter of
system calls, READY.

What sandboxes share is what was here before any of them: pages that each copies when it writes to them. No
sandbox can reach this process or another sandbox, so none can leave anything here for the next one.
"""

import array
import contextlib
import ctypes
import fcntl
import gc
import json
import os
import random
import select
import signal
import socket
import sys
from types import ModuleType
from typing import Any

# NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_CLONE_NEW = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 32, 4096
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x2008_0522
# More than there are; the kernel refuses those that it does not know.
_CAPABILITIES = 64
_RUNNER, _BUNDLE, _SHM, _TMP = "/runner/runner.py", "/bundle", "/dev/shm", "/tmp"  # noqa: S108 - its own
# Of requests; replies, options and filter follow, as in every sandbox.
_FIRST_DESCRIPTOR = 10
_OUT_OF_THE_WAY = 200
_BEYOND = 1 << 16
_REQUEST_BYTES = 4096
# Of every file of the tree.
_SECONDS = 1_000_000_000
# The same for every bundle: none of them comes near it.
BUNDLE_BYTES = 1 << 30
# Descriptors of a request: the reaper's socket, those four, the submission's files, printed output.
_MOST = 7


def main() -> None:
    """Import, say so, and fork until the evaluator hangs up; in a sandbox's first process, run the runner."""
    server, proc, replies = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    paths = sys.argv[4:]
    sys.path[:0] = paths
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.disable()
    import torch  # noqa: F401, PLC0415 - what all this is for

    gc.collect()
    gc.freeze()
    gc.enable()
    with open(_RUNNER, encoding="utf-8") as file:  # noqa: PTH123 - as the runner
        runner = compile(file.read(), _RUNNER, "exec")
    if not _works(proc):
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.write(replies, b"ready")
    os.close(replies)
    if not _fork_for_each(server, proc):
        return
    del sys.path[: len(paths)]
    sys.argv[:] = [_RUNNER, str(_FIRST_DESCRIPTOR + 2)]
    program = ModuleType("__main__")
    program.__file__ = _RUNNER
    sys.modules["__main__"] = program
    exec(runner, program.__dict__)  # noqa: S102 - as `python runner.py` would


def _works(proc: int) -> bool:
    """Whether namespaces can be made here and mounts in them, tried in a fork; it prints why not."""
    trial = os.fork()
    if trial:
        return os.waitpid(trial, 0)[1] == 0
    code = 1
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        _enter_namespaces(libc, proc)
        inner = os.fork()
        if inner == 0:
            _mount(libc, _TMP, "size=4096")
            _give_up_rights(libc)
            code = 0
        else:
            code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    except BaseException as error:  # noqa: BLE001 - here it would go on as a second server
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _fork_for_each(server: socket.socket, proc: int) -> bool:
    """Fork for each request; True in a sandbox's first process, False when the evaluator has hung up."""
    waiting = select.poll()
    waiting.register(server, select.POLLIN)
    while True:
        waiting.poll()
        taken, mine = os.pipe()
        if os.fork() == 0:
            os.close(taken)
            _serve(server, mine, proc)
            return True
        os.close(mine)
        # The fork has taken the request, or there was none.
        there = os.read(taken, 1)
        os.close(taken)
        if not there:
            return False
        _forget()


def _forget() -> None:
    """Write over the number of the process that was forked, by which sandboxes could count themselves."""
    del [number << 40 for number in range(1, 4096)][:]


def _serve(server: socket.socket, taken: int, proc: int) -> None:
    """Take a request and start a sandbox, in whose first process alone this returns.

    The process that took the request ends it when its reaper says so or goes, and reports what it used.
    """
    code = 1
    sandbox = False
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        said, descriptors = _receive(server)
        if said:
            os.write(taken, b"t")
            os.close(taken)
            server.close()
            sandbox = _supervise(json.loads(said), descriptors, proc)
        code = 0
    except BaseException as error:  # noqa: BLE001 - here it would go on as a second server
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        if not sandbox:
            os._exit(code)


def _supervise(request: dict[str, int], descriptors: list[int], proc: int) -> bool:
    """Start a sandbox and follow it to its end; True in its first process."""
    control = socket.socket(fileno=descriptors[0])
    # Whatever goes wrong from here on is this sandbox's.
    os.dup2(descriptors[-1], 2)
    # The kernel adds this process's number as the reaper sees it, who answers when its groups hold it.
    control.send(b"here")
    if not control.recv(1):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    _enter_namespaces(libc, proc)
    watched, held = os.pipe()
    child = os.fork()
    if child == 0:
        control.close()
        os.close(held)
        try:
            _become(request, descriptors[1:], watched, libc)
        except BaseException as error:  # noqa: BLE001 - here it would go on as a second supervisor
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        return True
    _close_all_but(control.fileno(), held)
    ended = os.pidfd_open(child)
    poll = select.poll()
    for descriptor in (ended, control.fileno()):
        poll.register(descriptor, select.POLLIN)
    by_itself = ended in dict(poll.poll())
    if not by_itself:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    # Nobody inside can end the first process of a namespace by this signal.
    killed = float(by_itself and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    with contextlib.suppress(OSError):
        control.send(json.dumps({"killed": killed, "cpu_seconds": used.ru_utime + used.ru_stime}).encode())
    return False


def _receive(server: socket.socket) -> tuple[bytes, list[int]]:
    said, ancillary, _, _ = server.recvmsg(_REQUEST_BYTES, socket.CMSG_SPACE(4 * _MOST))
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return said, list(descriptors)


def _enter_namespaces(libc: Any, proc: int) -> None:
    """New namespaces of every kind, below a new user namespace, in which no other can be made."""
    user, group = os.getuid(), os.getgid()
    _require(libc.unshare(_CLONE_NEW) == 0, "make namespaces")
    for name, text in (
        ("self/setgroups", "deny"),
        ("self/uid_map", f"{user} {user} 1"),
        ("self/gid_map", f"{group} {group} 1"),
        ("sys/user/max_user_namespaces", "0"),
    ):
        descriptor = os.open(name, os.O_WRONLY, dir_fd=proc)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _become(request: dict[str, int], descriptors: list[int], watched: int, libc: Any) -> None:
    """In the first process of the namespaces: take a place of its own, and give up every right."""
    *passed, files, output = descriptors
    os.setsid()
    for place, mode in ((_SHM, "1777"), (_TMP, "0700")):
        _mount(libc, place, f"mode={mode},size={request['tmp_bytes']}")
    _stage(libc, files)
    # As all files that it sees: nothing tells when this was.
    for place in (_SHM, _TMP):
        os.utime(place, (_SECONDS, _SECONDS))
    os.chdir(_TMP)
    _renumber([*passed, watched], output)
    _give_up_rights(libc)
    # After the change of rights, which clears it; the pipe says whether it came too late.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    alive = _FIRST_DESCRIPTOR + len(passed)
    gone = select.poll()
    gone.register(alive, 0)
    if gone.poll(0):
        os._exit(1)
    os.close(alive)
    # As in a process that was just started: no two sandboxes draw the same numbers.
    random.seed()
    sys.modules["torch"].default_generator.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()


def _stage(libc: Any, files: int) -> None:
    """Write the submission's files below /bundle: a line with their names and sizes, then what they hold."""
    with open(files, "rb") as file:
        sizes: dict[str, int] = json.loads(file.readline())
        _mount(libc, _BUNDLE, f"mode=0755,size={BUNDLE_BYTES}")
        for name, size in sizes.items():
            descriptor = os.open(f"{_BUNDLE}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
            left = memoryview(file.read(size))
            while left:
                left = left[os.write(descriptor, left) :]
            os.utime(descriptor, (_SECONDS, _SECONDS))
            os.close(descriptor)
    os.utime(_BUNDLE, (_SECONDS, _SECONDS))
    flags = _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    _require(libc.mount(None, _BUNDLE.encode(), None, flags, None) == 0, "make the bundle read-only")


def _mount(libc: Any, place: str, options: str) -> None:
    flags = _MS_NOSUID | _MS_NODEV
    mounted = libc.mount(b"tmpfs", place.encode(), b"tmpfs", flags, options.encode())
    _require(mounted == 0, f"mount {place}")


def _renumber(descriptors: list[int], output: int) -> None:
    """Move the descriptors to FIRST_DESCRIPTOR and on, in their order, and print to `output`."""
    away = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for descriptor in descriptors]
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, _OUT_OF_THE_WAY)
    for number, descriptor in enumerate(away, _FIRST_DESCRIPTOR):
        os.dup2(descriptor, number)
    os.closerange(_OUT_OF_THE_WAY, _BEYOND)


def _close_all_but(*kept: int) -> None:
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, _BEYOND)


def _give_up_rights(libc: Any) -> None:
    """Every capability, for ever; the runner's filter gives up new privileges."""
    for capability in range(_CAPABILITIES):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _require(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "give up new privileges")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _require(libc.capset(header, (ctypes.c_uint32 * 6)()) == 0, "give up capabilities")


def _require(succeeded: bool, what: str) -> None:
    if not succeeded:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot {what}: {os.strerror(code)}")


if __name__ == "__main__":
    main()
