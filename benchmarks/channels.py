"""Bits per second between two sandboxes, one after the other: `python benchmarks/channels.py [--bits N]`.

The first sandbox writes random bits, the second reads them, by each of three ways. It is shown for sandboxes
that see the host's files, for sealed ones, and for sealed ones that are forks of one server as when it
judges: all without the filter of system calls, which refuses most.
"""

import argparse
import contextlib
import random
import struct
import sys
import time
from typing import TYPE_CHECKING

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.results.verdicts import EvaluationError
from evaluator.sandbox import Bubblewrap, bubblewrap
from evaluator.sandbox.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

# ruff: noqa: SLF001 - `_try` runs a program of the standard library alone, before the filter

COMMON = """
import glob, mmap, os, time, sys
path = max(glob.glob(os.path.dirname(os.__file__) + "/**/*.pyc", recursive=True), key=os.path.getsize)
libraries = os.path.dirname(os.path.dirname(os.__file__))
PAGE = mmap.PAGESIZE
file = os.open(path, os.O_RDONLY)
pages = os.fstat(file).st_size // PAGE
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
"""
WRITE = (
    COMMON
    + """
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
for page, bit in enumerate({bits!r}[:pages]):
    if bit == "1":
        os.pread(file, 1, page * PAGE)
"""
)
READ = {
    "reads that never wait": """
def bit(page):
    try:
        os.preadv(file, [bytearray(1)], page * PAGE, os.RWF_NOWAIT)
        return "1"
    except BlockingIOError:
        return "0"
    except OSError:
        return "?"
""",
    "time of a read": """
def bit(page):
    began = time.perf_counter_ns()
    os.pread(file, 1, page * PAGE)
    return "1" if time.perf_counter_ns() - began < 20_000 else "0"
""",
    "major faults": """
import resource
view = mmap.mmap(file, pages * PAGE, prot=mmap.PROT_READ)
view.madvise(mmap.MADV_RANDOM)
def bit(page):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    view[page * PAGE]
    return "0" if resource.getrusage(resource.RUSAGE_SELF).ru_majflt > before else "1"
""",
}


# A filter of one instruction: SECCOMP_RET_ALLOW.
ALLOW_ALL = struct.pack("=HBBI", 6, 0, 0, 0x7FFF_0000)


def alone(sandbox: Bubblewrap, program: str) -> str:
    """What a program prints in a sandbox that is started for it."""
    return sandbox._try(program).stdout.strip()


def forked(sandbox: Bubblewrap, program: str) -> str:
    """What a program prints that is a submission's model.py, in a fork."""
    bubblewrap.filter_program = lambda **_: ALLOW_ALL  # type: ignore[assignment]
    assert sandbox._server() is not None
    bundle = Bundle(Manifest("a", "b", "c"), {"model.py": program.encode(), "weights.safetensors": b""})
    with sandbox.start(bundle, limits=Limits(), device="cpu") as session:
        with contextlib.suppress(EvaluationError):
            # It has no `build`: its import is all.
            session.build(2, 1, 0)
        return session._process.said()


def information(sent: str, got: str) -> float:
    """Bits of `sent` that `got` tells: mutual information of the pairs, by frequency."""
    import math
    from collections import Counter

    pairs, left, right, n = Counter(zip(sent, got, strict=False)), Counter(sent), Counter(got), len(got)
    return sum(c * math.log2(c * n / (left[a] * right[b])) for (a, b), c in pairs.items()) if n else 0.0


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    print(f"{'sandbox':<14} {'channel':<24} {'sent':>6} {'right':>6} {'bits told':>10} {'bits/s':>8}")
    sealed = Bubblewrap()
    sandboxes: tuple[tuple[str, Bubblewrap, Callable[[Bubblewrap, str], str]], ...] = (
        ("host's files", Bubblewrap(strangers=False), alone),
        ("sealed", sealed, alone),
        ("sealed, forked", sealed, forked),
    )
    for name, sandbox, run in sandboxes:
        for channel, program in READ.items():
            bits = "".join(chance.choice("01") for _ in range(options.bits))
            began = time.monotonic()
            run(sandbox, WRITE.format(bits=bits))
            asked = f'print("".join(bit(p) for p in range(min(pages, {len(bits)}))), flush=True)'
            got = run(sandbox, COMMON + program + asked)
            seconds = time.monotonic() - began
            if not got:
                sys.exit(f"{name}, {channel}: no answer")
            sent = bits[: len(got)]
            right = sum(a == b for a, b in zip(sent, got, strict=True))
            # Of independent bits some agree by chance: what is less than three standard deviations is none.
            told = information(sent, got) if abs(right - len(got) / 2) > 1.5 * len(got) ** 0.5 else 0.0
            print(f"{name:<14} {channel:<24} {len(got):>6} {right:>6} {told:>10.1f} {told / seconds:>8.1f}")


if __name__ == "__main__":
    main()
