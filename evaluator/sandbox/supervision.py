"""The command line of a reaper."""

import json
import sys
from typing import Any

from evaluator.sandbox import reaper
from evaluator.sandbox.process import Lifeline


def supervised(command: list[str], life: Lifeline, options: dict[str, Any]) -> list[str]:
    """The command as a reaper runs it; `options` are those of `reaper` without the lifeline's."""
    options = options | {"life": life.watched, "report": life.report_to}
    return [sys.executable, "-I", "-S", "-B", reaper.__file__, json.dumps(options), *command]
