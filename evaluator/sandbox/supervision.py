"""A command under a reaper."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from evaluator.sandbox import reaper
from evaluator.sandbox.process import Lifeline

_TRY_SECONDS: Final = 60


def supervised(command: list[str], life: Lifeline, options: dict[str, Any]) -> list[str]:
    """The command as a reaper runs it; `options` are those of `reaper` without the lifeline's."""
    options = {"server": None} | options | {"life": life.watched, "report": life.report_to}
    return [sys.executable, "-I", "-S", "-B", reaper.__file__, json.dumps(options), *command]


def run_supervised(
    command: list[str], options: dict[str, Any], pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end under a reaper, without control groups; `options` as for `supervised`."""
    life = Lifeline()
    options = {"groups": [], "counters": {}, "cpu_seconds": _TRY_SECONDS} | options
    try:
        return subprocess.run(
            supervised(command, life, options),
            capture_output=True,
            text=True,
            env={},
            cwd="/",
            timeout=_TRY_SECONDS,
            check=False,
            pass_fds=[life.watched, life.report_to, *pass_fds],
        )
    finally:
        life.close_child_ends()
        life.close()
