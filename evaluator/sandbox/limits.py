"""Every limit of a sandboxed submission, named once; the environment may set each as MBC_LIMIT_NAME."""

import os
from dataclasses import asdict, fields, replace
from typing import Annotated, Final, Self

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from challenge.results.verdicts import Reason
from challenge.results.worker_info import LimitInForce
from challenge.util.exit_codes import SettingError
from challenge.util.validation import STRICT

MIB: Final = 1 << 20
CORES: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PREFIX: Final = "MBC_LIMIT_"
Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]

# By limit: a sentence about it, and the verdict of a submission that exceeds it, or else what happens then.
_MEANINGS: Final[dict[str, tuple[str, Reason | str]]] = {
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
    "stage_seconds": ("A stage: octaves, certificate, integrity, pictures.", Reason.EVALUATION_TIME_EXCEEDED),
    "evaluation_seconds": (
        "A whole evaluation; on the samples track besides the budgets of its targets.",
        Reason.EVALUATION_TIME_EXCEEDED,
    ),
    "threads": ("Threads of torch, and cores.", "they take turns"),
}


@dataclass(config=STRICT, frozen=True)
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
        stage_seconds: one stage of an evaluation.
        evaluation_seconds: all stages together.
        threads: of torch.
    """

    memory_bytes: Count = 8192 * MIB
    tmp_bytes: Count = 256 * MIB
    processes: Count = 64
    files: Count = 256
    file_bytes: Count = 64 * MIB
    cpu_seconds: Count = 1800 * CORES
    output_bytes: Count = 256 * 1024
    start_seconds: Seconds = 60.0
    load_seconds: Seconds = 30.0
    request_seconds: Seconds = 30.0
    request_points: Count = 8_192
    fit_seconds: Seconds = 300.0
    total_seconds: Seconds = 1800.0
    stage_seconds: Seconds = 1200.0
    evaluation_seconds: Seconds = 2400.0
    threads: Count = CORES

    @property
    def tasks(self) -> int:
        """Threads in all: each of torch's pools, of OpenMP, of MKL and its own, has at most one a core.

        The same for sandboxes with fewer threads, which may not tell phases apart by it.
        """
        return self.processes + 4 * max(self.threads, CORES)

    def in_one_thread(self) -> Self:
        """The limits of a sandbox with one thread; its time limits are longer for that."""
        return replace(
            self,
            threads=1,
            load_seconds=self.threads * self.load_seconds,
            request_seconds=self.threads * self.request_seconds,
            fit_seconds=self.threads * self.fit_seconds,
        )

    def explain(self) -> tuple[LimitInForce, ...]:
        """Each limit in words for people."""
        return tuple(
            LimitInForce(name, _figure(name, getattr(self, name)), meaning, str(verdict))
            for name, (meaning, verdict) in _MEANINGS.items()
        )

    def sentence(self) -> str:
        """All in one line, as reports have them."""
        return ", ".join(f"{limit.name} {limit.figure}" for limit in self.explain())

    @classmethod
    def from_environment(cls) -> Self:
        """The limits, with those that the environment names.

        Raises:
            SettingError: a value is no positive number; names the variable.
        """
        texts = {
            field.name: os.environ[variable]
            for field in fields(cls)
            if (variable := PREFIX + field.name.upper()) in os.environ
        }
        try:
            return TypeAdapter(cls).validate_strings(texts)
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise SettingError(
                f"{PREFIX}{name.upper()} must be a positive number, not {texts[name]!r}"
            ) from error


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
