"""Every limit of a sandboxed submission, named once; the environment may set each as MBC_LIMIT_NAME."""

import os
from dataclasses import asdict, dataclass, fields
from typing import Final, Self

from challenge.results.verdicts import Reason
from challenge.results.worker_info import LimitInForce
from challenge.util.exit_codes import SettingError

MIB: Final = 1 << 20
CORES: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PREFIX: Final = "MBC_LIMIT_"


# What people are told of each, and the verdict of who goes beyond it, or else what happens then.
_TOLD: Final[dict[str, tuple[str, Reason | str]]] = {
    "memory_bytes": ("Memory of every kind, in all.", Reason.MEMORY_EXCEEDED),
    "tmp_bytes": ("The private /tmp, which ends with the sandbox; /dev/shm has as much.", "fails inside"),
    "processes": (
        "Threads, besides torch's own; other processes and programs cannot be started.",
        "fails inside",
    ),
    "files": ("Open files.", "fails inside"),
    "file_bytes": ("One file.", "fails inside"),
    "cpu_seconds": ("Processor time of one sandbox, as the kernel counts it.", Reason.TIME_EXCEEDED),
    "output_bytes": ("Everything printed, in all. None of it is kept.", Reason.OUTPUT_FLOOD),
    "start_seconds": (
        "From the start to a process that is ready; nothing of yours runs in it.",
        Reason.SANDBOX_UNAVAILABLE,
    ),
    "load_seconds": ("Importing model.py, build, and loading the weights.", Reason.TIME_EXCEEDED),
    "request_seconds": ("One answer of forward.", Reason.TIME_EXCEEDED),
    "request_points": ("Points that forward is asked at once.", "asked in parts"),
    "fit_seconds": ("A fit by the platform's trainer; a fit of yours has its budget.", Reason.TIME_EXCEEDED),
    "total_seconds": ("Life of one sandbox; every phase has a fresh one.", Reason.TIME_EXCEEDED),
    "threads": ("Threads of torch, and cores.", "they take turns"),
}


@dataclass(frozen=True)
class Limits:
    """What a submission's process may take.

    Attributes:
        memory_bytes: memory of every kind where there are control groups, and the address space of the
            process (not limited where it has a GPU, which reserves it freely).
        tmp_bytes: size of the private /tmp; /dev/shm has as much.
        processes: processes and threads, besides torch's own.
        files: open files.
        file_bytes: size of one file.
        cpu_seconds: processor time in all; a hard stop behind the wall clock.
        output_bytes: what it may print in all.
        start_seconds: from the start to a child that is ready, before anything of the submission runs.
        load_seconds: importing model.py and building or loading.
        request_seconds: one answer.
        request_points: points of one request.
        fit_seconds: a fit by the platform's trainer; a custom one has the seconds of its budget.
        total_seconds: life of one sandbox.
        threads: of torch.
    """

    memory_bytes: int = 8192 * MIB
    tmp_bytes: int = 256 * MIB
    processes: int = 64
    files: int = 256
    file_bytes: int = 64 * MIB
    cpu_seconds: int = 1800 * CORES
    output_bytes: int = 256 * 1024
    start_seconds: float = 60.0
    load_seconds: float = 30.0
    request_seconds: float = 30.0
    request_points: int = 8_192
    fit_seconds: float = 300.0
    total_seconds: float = 1800.0
    threads: int = CORES

    @property
    def tasks(self) -> int:
        """Threads in all: each of torch's pools, of OpenMP, of MKL and its own, has `threads`."""
        return self.processes + 4 * self.threads

    def told(self) -> tuple[LimitInForce, ...]:
        """Each in words for people."""
        return tuple(
            LimitInForce(name, _figure(name, getattr(self, name)), meaning, str(verdict))
            for name, (meaning, verdict) in _TOLD.items()
        )

    def sentence(self) -> str:
        """All in one line, as reports have them."""
        return ", ".join(f"{limit.name} {limit.figure}" for limit in self.told())

    @classmethod
    def from_environment(cls) -> Self:
        """The limits, with those that the environment names.

        Raises:
            SettingError: a value is no positive number; names the variable.
        """
        values = {}
        for field in fields(cls):
            variable = PREFIX + field.name.upper()
            if (text := os.environ.get(variable)) is not None:
                kind = float if field.name.endswith("_seconds") and field.name != "cpu_seconds" else int
                try:
                    values[field.name] = kind(text)
                except ValueError:
                    values[field.name] = 0
                if not values[field.name] > 0:
                    raise SettingError(f"{variable} must be a positive number, not {text!r}")
        return cls(**values)  # type: ignore[arg-type]  # each value has its field's kind


def _figure(name: str, value: float) -> str:
    """A limit with its unit: bytes in the largest that gives a whole number."""
    if name.endswith("_seconds"):
        return f"{value:,g} s"
    if not name.endswith("_bytes"):
        return f"{value:,}"
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if value % (1 << power) == 0:
            return f"{int(value) >> power:,} {unit}"
    return f"{value:,} bytes"


def in_force() -> dict[str, int | float]:
    """The limits here, by name: what `mbc limits` shows beside the bundle's."""
    return asdict(Limits.from_environment())
