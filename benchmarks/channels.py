# ruff: noqa: ANN001, ANN201, SLF001 - a script that prints, and takes the filter away
"""Messages between two sandboxes by the caches of files that both see: bits, and bits a second.

    python benchmarks/channels.py

One sandbox writes a random message and ends; a second one reads it. Each way is tried on sandboxes that see
the host's files and on sealed ones, which see a copy in memory; both without the filter of system calls,
which refuses the calls of the first way altogether. 0 bits means: no better than guessing.
"""

import random
import subprocess
import sys
import time

import torch

from evaluator.sandbox import Bubblewrap
from evaluator.sandbox.limits import Limits

BITS = 512
STEP = 64  # pages between two bits, more than the kernel reads ahead
FILE = torch.__file__.replace("__init__.py", "lib/libtorch_cpu.so")

WAYS = {
    "page cache: fadvise, RWF_NOWAIT": (
        """
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
for k, bit in enumerate(message):
    if bit:
        os.pread(file, 1, k * STEP * 4096)
""",
        """
def bit(k):
    try:
        return bool(os.preadv(file, [bytearray(1)], k * STEP * 4096, os.RWF_NOWAIT))
    except OSError:
        return False
print(*[int(bit(k)) for k in range(BITS)])
""",
    ),
    "page cache: fadvise, major faults": (
        """
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
for k, bit in enumerate(message):
    if bit:
        os.pread(file, 1, k * STEP * 4096)
""",
        """
import mmap, resource
seen = mmap.mmap(file, BITS * STEP * 4096, prot=mmap.PROT_READ)
seen.madvise(mmap.MADV_RANDOM)
def bit(k):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    seen[k * STEP * 4096]
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt == before
print(*[int(bit(k)) for k in range(BITS)])
""",
    ),
    "absent names: the kernel's count": (
        # The whole message would be one number: here its first bit alone, as 20,000 names or none.
        """
for k in range(20_000 * message[0]):
    os.path.exists(f"/usr/lib/{seed}-{k:030}")
""",
        """
try:
    print(int(open("/proc/sys/fs/dentry-state").read().split()[4]))
except OSError:
    print(-1)
""",
    ),
}


def inside(sandbox, program):
    """What a program prints in a fresh sandbox of `sandbox`, without the filter of system calls."""
    head = f"import os, random\nfile = os.open({FILE!r}, os.O_RDONLY)\nBITS, STEP = {BITS}, {STEP}\n"
    arguments = [*sandbox._arguments(Limits()), "--remount-ro", "/"]
    program = [sys.executable, "-I", "-S", "-c", head + program]
    command, user = sandbox._as_user([sandbox._program, *arguments, *program])
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    ran = subprocess.run(command, capture_output=True, text=True, env={}, cwd="/", check=True, **identity)
    return ran.stdout


def carried(sandbox, write, read, seed):
    """How many bits came across, beyond guessing, and in how many seconds."""
    began = time.perf_counter()
    draw = random.Random(seed)
    message = [draw.randrange(2) for _ in range(BITS)]
    counter = "dentry" in read
    before = int(inside(sandbox, read)) if counter else 0
    message[0] = 1
    inside(sandbox, f"message, seed = {message}, {seed}\n{write}")
    said = [int(word) for word in inside(sandbox, read).split()]
    seconds = time.perf_counter() - began
    if counter:
        return int(said[0] - before > 10_000), seconds
    right = sum(a == b for a, b in zip(message, said, strict=True))
    # A coin is right half of the time, and within four standard deviations of that.
    return (right if right > BITS / 2 + 2 * BITS**0.5 else 0), seconds


def main():
    for name, sandbox in (("host's files", Bubblewrap(strangers=False)), ("sealed", Bubblewrap())):
        for way, (write, read) in WAYS.items():
            bits, seconds = carried(sandbox, write, read, seed=int(time.time()))
            print(f"{name:>13}  {way:<36} {bits:>4} bits  {bits / seconds:>8.1f} bits/s", flush=True)


if __name__ == "__main__":
    main()
