"""Run a command where no user namespace can be made, as in a container as it ships; only root can.

The limit is that of a user namespace made for it: the machine's own settings stay as they are.
"""

import sys

_PROGRAM = """
import ctypes, os, sys
ready, done = os.pipe(), os.pipe()
me = os.getpid()
if os.fork() == 0:
    # Outside the namespace still, from where its user ids can be mapped.
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{me}/{name}", "w") as file:
            file.write("0 0 65536")
    os.write(done[1], b"x")
    os._exit(0)
if ctypes.CDLL(None).unshare(0x10000000):
    raise SystemExit("no user namespace")
os.write(ready[1], b"x")
os.read(done[0], 1)
os.wait()
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.execvp(sys.argv[1], sys.argv[1:])
"""


def without_user_namespaces(*command):
    """The command line."""
    return [sys.executable, "-c", _PROGRAM, *map(str, command)]
