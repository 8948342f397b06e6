"""Start a sandbox and leave nothing of it behind, whichever process is killed. Runs outside the sandbox.

Runs as `python -I -S reaper.py OPTIONS COMMAND...`, with the standard library alone: one single-threaded
process for each sandbox. As a child subreaper it becomes the parent of every orphan of the sandbox, and it
holds one end of a pipe (the lifeline) whose other end the judge has. It says on another pipe which process it
started. When the judge closes the lifeline, or dies, it kills all of the sandbox, removes its control groups
and files, and reports there what was used, and whether a process outside killed the sandbox. If it is itself
killed, the kernel kills the sandbox's first process too.

The sandbox is a command of its own, or a fork of a server that has imported what all need (`fork_server`).
That is no child of this process, so a supervisor there does the same for it, and ends it when this one goes.
"""

# ruff: noqa: PTH102, PTH106, PTH107, PTH110, PTH112, PTH123, PTH208 - importing pathlib takes longer than the rest of this program

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import struct
import sys
import time

# What `socket` is built on: importing that takes as long as the rest of this program.
from _socket import (
    AF_UNIX,
    CMSG_SPACE,
    SCM_RIGHTS,
    SHUT_WR,
    SO_PASSCRED,
    SOCK_SEQPACKET,
    SOL_SOCKET,
    socket,
    socketpair,
)
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
# More than there are; the kernel refuses those that it does not know.
_CAPABILITIES = 64
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_CPUCLOCK_SCHED = 2
_REMOVE_SECONDS = 5.0
_REPORT_SECONDS = 5.0
_REPORT_BYTES = 1024
_LOOK_MILLISECONDS = 500
_CODE_KILLED = 128 + signal.SIGKILL
# Descriptors get fixed numbers in the sandbox, from here on, so that all sandboxes look alike.
FIRST_DESCRIPTOR = 10
_OUT_OF_THE_WAY = 200


def main() -> None:
    """Start the command, wait for its end or the judge's, and sweep."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    command = sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    for name in ("life", "report"):
        os.set_inheritable(options[name], False)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process cannot become a reaper")
    counted: dict[str, float] = {}
    try:
        _make_groups(options["groups"])
        if options["server"] is None:
            counted |= _run(command, options, libc)
        else:
            counted |= _have_forked(options)
    finally:
        _sweep()
        counted |= _count(options["counters"])
        _remove_groups(options["groups"])
        _remove_folder(options["folder"])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    counted.setdefault("cpu_seconds", used.ru_utime + used.ru_stime)
    _report(options, counted)


def _report(options: dict[str, Any], said: Any) -> None:
    """Tell the judge the process that was started, and at the end what was counted, each in a line."""
    with contextlib.suppress(BrokenPipeError):
        os.write(options["report"], json.dumps(said).encode() + b"\n")


def _run(command: list[str], options: dict[str, Any], libc: Any) -> dict[str, float]:
    """Run the command to its end, or the judge's."""
    child = os.fork()
    if child == 0:
        _become(command, options, libc)
    _report(options, child)
    # The judge sees that the sandbox has closed a pipe only where nobody else has its end.
    _close_all_but(options["life"], options["report"])
    ended = _wait(child, options["life"], options["cpu_seconds"])
    killed = ended and _killed(child, trusted=options["filtered"])
    return {"killed": float(killed and not options["self_killed"])}


def _have_forked(options: dict[str, Any]) -> dict[str, float]:
    """Ask the server for a sandbox, put it into its groups, and have it ended at its or the judge's end."""
    life = options["life"]
    control, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    control.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
    descriptors = [theirs.fileno(), *options["descriptors"], 1]
    rights = struct.pack(f"{len(descriptors)}i", *descriptors)
    server = socket(fileno=options["server"])
    with contextlib.suppress(OSError):
        server.sendmsg([json.dumps(options["request"]).encode()], [(SOL_SOCKET, SCM_RIGHTS, rights)])
    theirs.close()
    server.detach()
    _close_all_but(life, options["report"], control.fileno())
    poll = select.poll()
    for descriptor in (control.fileno(), life):
        poll.register(descriptor, select.POLLIN)
    if life in dict(poll.poll()):
        _let_go(control)
        return {}
    _, ancillary, _, _ = control.recvmsg(_REPORT_BYTES, CMSG_SPACE(12))
    if not ancillary:
        # The server has gone, which nobody inside can bring about.
        return {"killed": 1.0}
    supervisor = struct.unpack("=3i", ancillary[0][2])[0]
    ended = os.pidfd_open(supervisor)
    for group in options["groups"]:
        _write(f"{group['folder']}/cgroup.procs", str(supervisor))
    with contextlib.suppress(OSError):
        _write(f"/proc/{supervisor}/oom_score_adj", "1000")
    _report(options, supervisor)
    control.send(b"go")
    while not (seen := poll.poll(_LOOK_MILLISECONDS)):
        if _cpu_seconds({supervisor} | descendants(supervisor)) >= options["cpu_seconds"]:
            break
    by_itself = control.fileno() in dict(seen)
    with contextlib.suppress(OSError):
        control.shutdown(SHUT_WR)
    poll.unregister(life)
    said = control.recv(_REPORT_BYTES) if poll.poll(1000 * _REPORT_SECONDS) else b""
    poll.unregister(control.fileno())
    poll.register(ended, select.POLLIN)
    if not poll.poll(1000 * _REPORT_SECONDS):
        signal.pidfd_send_signal(ended, signal.SIGKILL)
    # A supervisor that says nothing was itself killed, and the sandbox with it.
    counted: dict[str, float] = json.loads(said) if said else {"killed": float(by_itself)}
    return counted


def _let_go(control: socket) -> None:
    """Wait for the end of a fork that nobody wants any more; it ends when it hears of that."""
    control.shutdown(SHUT_WR)
    control.settimeout(_REPORT_SECONDS)
    with contextlib.suppress(OSError):
        _, ancillary, _, _ = control.recvmsg(_REPORT_BYTES, CMSG_SPACE(12))
        if ancillary:
            poll = select.poll()
            poll.register(os.pidfd_open(struct.unpack("=3i", ancillary[0][2])[0]), select.POLLIN)
            poll.poll(1000 * _REPORT_SECONDS)


def _become(command: list[str], options: dict[str, Any], libc: Any) -> None:
    """In the child: enter groups and namespaces, renumber descriptors, drop to the user, run the command."""
    reaper = os.getppid()
    try:
        for group in options["groups"]:
            _write(f"{group['folder']}/cgroup.procs", "0")
        with contextlib.suppress(OSError):
            # Where the machine itself runs out of memory, this goes first.
            _write("/proc/self/oom_score_adj", "1000")
        for namespace in options["namespaces"]:
            _enter(namespace, libc)
        _renumber(options["descriptors"])
        if options["user"] is not None:
            # Bubblewrap gives them up itself, behind its namespaces.
            for capability in range(_CAPABILITIES) if options["landlock"] else ():
                libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
            os.setgroups([])
            os.setgid(options["user"])
            os.setuid(options["user"])
        # After the change of user, which clears it.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == reaper:
            if options["landlock"]:
                _restrict(options["landlock"], libc)
            os.execve(command[0], command, options["environment"])  # noqa: S606 - no shell is wanted
    except BaseException as error:  # noqa: BLE001 - here it would go on as a second reaper
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(127)


def _restrict(rules: dict[str, Any], libc: Any) -> None:
    """Let this process read and run what lies below the paths, and nothing else (landlock(7))."""
    abi = rules["abi"]
    # By version: 13 rights on files, then REFER, TRUNCATE and IOCTL_DEV; TCP by 4; the scopes by 6.
    files = (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1
    ruleset = struct.pack("=QQQ", files, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    ruleset = ruleset[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset_fd = libc.syscall(_LANDLOCK_CREATE, ruleset, ctypes.c_size_t(len(ruleset)), 0)
    _require(ruleset_fd >= 0, "make a Landlock ruleset")
    for path in rules["paths"]:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        # Execute, read files, list directories; of a file no right on directories.
        rights = 0b1101 if os.path.isdir(path) else 0b101
        if path.startswith("/dev/"):
            rights = 0b110
        rule = struct.pack("=Qi", rights, descriptor)
        _require(libc.syscall(_LANDLOCK_ADD, ruleset_fd, 1, rule, 0) == 0, f"let {path} be read")
        os.close(descriptor)
    _require(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "give up new privileges")
    _require(libc.syscall(_LANDLOCK_RESTRICT, ruleset_fd, 0) == 0, "restrict itself by Landlock")
    os.close(ruleset_fd)


def _require(succeeded: bool, what: str) -> None:
    if not succeeded:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot {what}: {os.strerror(code)}")


def _enter(namespace: int, libc: Any) -> None:
    _require(libc.setns(namespace, 0) == 0, "enter the namespace of the sandbox's tree")
    os.close(namespace)


def _renumber(descriptors: list[int]) -> None:
    """Move the descriptors to FIRST_DESCRIPTOR and on, in their order."""
    away = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for number, descriptor in enumerate(away, FIRST_DESCRIPTOR):
        os.dup2(descriptor, number)


def _close_all_but(*kept: int) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _wait(child: int, life: int, cpu_seconds: float | None) -> bool:
    """Until the child has ended by itself, or the judge wants it to, or its processor time is up."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    for descriptor in (ended, life):
        poll.register(descriptor, select.POLLIN)
    look = _LOOK_MILLISECONDS if cpu_seconds is not None else None
    while not (seen := poll.poll(look)) and cpu_seconds is not None:
        if _cpu_seconds(descendants(os.getpid())) >= cpu_seconds:
            break
    os.close(ended)
    return ended in dict(seen)


def _killed(child: int, *, trusted: bool) -> bool:
    """Whether bubblewrap, or its first process, was ended by SIGKILL, which nobody inside can send it.

    Bubblewrap turns a signal into an exit code above 128. That can be `trusted` where the filter of system
    calls is in force, which lets nobody inside exit with such a code.
    """
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code == -signal.SIGKILL or (trusted and code == _CODE_KILLED)


def _cpu_seconds(processes: set[int]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(OSError):
            # The clock of another process (clock_getcpuclockid(3)); what is dead is in its parent's account.
            total += time.clock_gettime((~process << 3) | _CPUCLOCK_SCHED)
    return total


def _sweep() -> None:
    """Kill everything that came from here; what loses its parent becomes a child of this process."""
    while True:
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    me = os.getpid()
    return [process for process, parent in _parents().items() if parent == me]


def descendants(process: int) -> set[int]:
    """All that came from a process; asked twice a second, so from the kernel's lists where it has them."""
    if os.path.exists("/proc/thread-self/children"):
        return _listed(process)
    parents = _parents()
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def _listed(process: int) -> set[int]:
    found = set[int]()
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            with contextlib.suppress(OSError):
                found |= set(map(int, _read(f"/proc/{process}/task/{task}/children").split()))
    return found.union(*map(_listed, found))


def _parents() -> dict[int, int]:
    """Parent by process, of all that are there."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                # Behind the name, which may hold anything: state, parent.
                found[int(entry)] = int(_read(f"/proc/{entry}/stat").rpartition(")")[2].split()[1])
    return found


def _make_groups(groups: list[dict[str, Any]]) -> None:
    for group in groups:
        os.mkdir(group["folder"])
        for name, value in group["values"].items():
            path = f"{group['folder']}/{name.removeprefix('?')}"
            if os.path.exists(path) or not name.startswith("?"):
                _write(path, value)


def _count(counters: dict[str, list[str]]) -> dict[str, float]:
    """Each counter: a file's one number, or that of the line with its key."""
    counted = {}
    for name, (path, key) in counters.items():
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = [line.split() for line in _read(path).splitlines()]
            counted[name] = float(next(line[-1] for line in lines if len(line) == 1 or line[0] == key))
    return counted


def _remove_groups(groups: list[dict[str, Any]]) -> None:
    deadline = time.monotonic() + _REMOVE_SECONDS
    for group in groups:
        while True:
            try:
                os.rmdir(group["folder"])
            except FileNotFoundError:
                break
            except OSError:
                # The kernel takes a moment to forget the last process.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                break


def _remove_folder(folder: str | None) -> None:
    """Remove the folder of the sandbox's files, where it has one."""
    for place, folders, files in os.walk(folder, topdown=False) if folder else ():
        for name in files:
            os.remove(f"{place}/{name}")
        for name in folders:
            os.rmdir(f"{place}/{name}")
    if folder:
        os.rmdir(folder)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
