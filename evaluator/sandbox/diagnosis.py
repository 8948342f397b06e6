"""Which layer of a machine keeps a sandbox from working, and the smallest remedy for it.

`observe` asks the machine; the others decide from what it saw, so that each layer can be tested with recorded
answers of machines that have it. What the layers answer is from their documentation: Docker's default filter
of system calls (profiles/seccomp/default.json), Ubuntu's restriction (AppArmor, "Restricted unprivileged user
namespaces"), user_namespaces(7), Documentation/userspace-api/landlock.rst, and gVisor's version (pkg/sentry).
"""

import ctypes
import errno
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

APPARMOR_SWITCH: Final = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
APPARMOR_REMEDY: Final = "`mbc doctor --install-apparmor-profile` allows it for bubblewrap alone"
_LANDLOCK_CREATE: Final = 444
_LANDLOCK_QUERY_VERSION: Final = 1
_UNSHARE: Final = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
raise SystemExit(ctypes.get_errno() if libc.unshare(0x10000000) else 0)
"""
_FIRST_WITH_LANDLOCK: Final = (5, 13)
# gVisor tells programs that it is this build of Linux.
_GVISOR: Final = "Jan 10 15:06:54 PST 2016"
_CANNOT: Final = "bubblewrap cannot make its namespaces here: "
# Docker and Podman name the options differently, and refuse each other's.
_UNCONFINED: Final = (
    "start the container with `--security-opt seccomp=unconfined`, and with `--security-opt unmask=ALL` "
    "(Podman) or `--security-opt systempaths=unconfined --security-opt apparmor=unconfined` (Docker), or use "
    "Landlock"
)


@dataclass(frozen=True)
class Machine:
    """What a machine says of the layers that could refuse a sandbox.

    Attributes:
        release: of the kernel, as "6.8.0-45-generic".
        version: of its build, as uname gives it.
        filtered: whether a filter of system calls is in force on this process (Seccomp in /proc/self/status).
        unshare: error number of making a user namespace; 0 where it can be made.
        apparmor: whether AppArmor restricts the user namespaces of ordinary users.
        clone_allowed: whether Debian's sysctl kernel.unprivileged_userns_clone allows them.
        most_namespaces: the sysctl user.max_user_namespaces.
        landlock: error number of asking for Landlock's version; 0 where it is there.
    """

    release: str
    version: str
    filtered: bool = False
    unshare: int = 0
    apparmor: bool = False
    clone_allowed: bool = True
    most_namespaces: int = 1
    landlock: int = 0

    @property
    def gvisor(self) -> bool:
        """Whether gVisor answers in the kernel's place."""
        return _GVISOR in self.version or "gvisor" in self.release.lower()


def landlock_abi() -> tuple[int, int]:
    """The kernel's version of Landlock, or 0; and the error number that came in its place, or 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_QUERY_VERSION))
    return (version, 0) if version > 0 else (0, ctypes.get_errno())


def observe(user: int | None = None) -> Machine:
    """This machine, for sandboxes of `user`. A child process makes a user namespace, and ends at once."""
    status = read("/proc/self/status")
    return Machine(
        release=platform.release(),
        version=platform.version(),
        filtered=bool(re.search(r"^Seccomp:\s*2$", status, re.MULTILINE)),
        unshare=_try_to_unshare(user),
        apparmor=read(APPARMOR_SWITCH).strip() == "1",
        clone_allowed=read("/proc/sys/kernel/unprivileged_userns_clone").strip() != "0",
        most_namespaces=int(read("/proc/sys/user/max_user_namespaces").strip() or 1),
        landlock=landlock_abi()[1],
    )


def why_no_namespaces(machine: Machine, said: str) -> str:
    """Why bubblewrap fails, in a sentence that names the layer and the remedy; `said` is its own error."""
    if "nknown option" in said:
        return f"bubblewrap 0.8 or later is needed. (bubblewrap said: {said})"
    if machine.gvisor:
        return f"{_CANNOT}gVisor answers in the kernel's place; start the container with another runtime."
    # Podman's filter allows namespaces, and refuses what bubblewrap does in them.
    if machine.filtered and (machine.unshare in (errno.EPERM, errno.ENOSYS) or "not permitted" in said):
        return (
            f"{_CANNOT}a filter of system calls refuses them, as container engines have one; {_UNCONFINED}."
        )
    if "/proc/sys" in said and "Read-only" in said:
        return f"{_CANNOT}/proc is read-only, as container engines make it; {_UNCONFINED}."
    if not machine.clone_allowed:
        return f"{_CANNOT}a sysctl forbids them to users: `sysctl kernel.unprivileged_userns_clone=1`."
    if machine.most_namespaces == 0 or machine.unshare == errno.ENOSPC:
        return f"{_CANNOT}a sysctl allows none: `sysctl user.max_user_namespaces=10000`."
    if machine.unshare == errno.EINVAL:
        return f"{_CANNOT}this kernel ({machine.release}) has no user namespaces (CONFIG_USER_NS)."
    if machine.apparmor:
        return (
            f"{_CANNOT}AppArmor forbids them to programs without a profile, as Ubuntu ships it; "
            f"{APPARMOR_REMEDY}."
        )
    return f"{_CANNOT}{said.strip() or 'it does not say why'}"


def why_no_landlock(machine: Machine) -> str:
    """Why there is no Landlock, in a sentence that names the layer and the remedy; "" where it is there."""
    if not machine.landlock:
        return ""
    if machine.gvisor:
        return "Landlock is not there: gVisor has none; start the container with another runtime."
    if machine.landlock == errno.EOPNOTSUPP:
        return (
            "Landlock is switched off: add `landlock` to the list `lsm=` of the kernel's command line, and "
            "start the machine again."
        )
    numbers = tuple(int(number) for number in re.findall(r"\d+", machine.release)[:2])
    if numbers < _FIRST_WITH_LANDLOCK:
        return f"Landlock is not there: it needs Linux 5.13 or later, and this is {machine.release}."
    if machine.filtered or machine.landlock == errno.EPERM:
        return (
            "Landlock is refused by a filter of system calls: container engines since 2022 let it through; "
            "start the container with a newer engine, or with `--security-opt seccomp=unconfined`."
        )
    return f"Landlock is not there: this kernel ({machine.release}) was built without it."


def _try_to_unshare(user: int | None) -> int:
    """Error number of a new user namespace."""
    command = [sys.executable, "-I", "-S", "-c", _UNSHARE]
    return subprocess.run(command, user=user, env={}, cwd="/", capture_output=True, check=False).returncode


def read(path: str | Path) -> str:
    """The file's text; "" where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
