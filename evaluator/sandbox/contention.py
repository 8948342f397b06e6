"""How long a sandbox was kept from running by other work of the machine.

Its steps have seconds of a clock. On a machine that has other work to do they would measure that, too, and a
submission would be blamed for it. So the time in which it could run and did not is told apart.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

_CPUCLOCK_SCHED: Final = 2
_NANOSECONDS: Final = 1e-9


@dataclass(frozen=True)
class Moment:
    """What the kernel has counted by a moment, in seconds.

    Attributes:
        cpu: processor time of the process.
        delay: in which its first thread could run, and had no processor.
        at: the moment.
    """

    cpu: float
    delay: float
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Contention:
    """The process of a sandbox that runs the submission."""

    process: int

    @classmethod
    def of(cls, outermost: int | None) -> Self | None:
        """Of the sandbox whose outermost process this is; None where no kernel counts.

        Asked before anything of a submission runs, when each process has one child at most.
        """
        if outermost is None or sys.platform != "linux":
            return None
        from evaluator.sandbox.reaper import descendants  # noqa: PLC0415

        return cls(min({outermost} | descendants(outermost), key=lambda process: len(descendants(process))))

    def now(self) -> Moment:
        """What has been counted; nothing of a process that has gone."""
        try:
            _, delay, _ = Path(f"/proc/{self.process}/schedstat").read_text(encoding="ascii").split()
            # The clock of another process (clock_getcpuclockid(3)).
            return Moment(
                time.clock_gettime((~self.process << 3) | _CPUCLOCK_SCHED), _NANOSECONDS * int(delay)
            )
        except (OSError, ValueError):
            return Moment(0.0, 0.0)

    def kept(self, since: Moment) -> float:
        """Seconds since then in which other work kept it from running.

        No more than it did not run: a submission that crowds itself with its own threads gains nothing.
        """
        now = self.now()
        return max(0.0, min(now.delay - since.delay, (now.at - since.at) - (now.cpu - since.cpu)))


@dataclass(frozen=True)
class Deadline:
    """When a step has to be done.

    Attributes:
        at: by the clock, if nothing keeps the sandbox from running.
        last: when the sandbox ends in any case.
        contention: tells how long it was kept since `began`, which is added; None adds nothing.
    """

    at: float
    last: float
    contention: Contention | None = None
    began: Moment | None = None

    @property
    def kept(self) -> float:
        """Seconds in which other work has kept the sandbox from running."""
        return self.contention.kept(self.began) if self.contention and self.began else 0.0

    @property
    def left(self) -> float:
        """Seconds that are left; 0 or less when it has been reached."""
        now = time.monotonic()
        left = self.at - now
        return min(left if left > 0 else left + self.kept, self.last - now)
