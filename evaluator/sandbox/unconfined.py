"""No confinement: for your own model on your own machine, where bubblewrap does not work.

The same runner and the same messages, in a plain process, on any operating system. It covers nothing: the
model can read and write what you can. Deadlines hold, and limits of the process where the system has them.
"""

import shutil
import sys

from challenge.bundle.reader import Bundle
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.process import runner_options
from evaluator.sandbox.pumped import PumpedProcess
from evaluator.sandbox.session import Session
from evaluator.sandbox.staging import stage


class Unconfined:
    """A plain process."""

    name = "none"
    unsealed = "nothing is confined."

    def describe(self, limits: Limits | None = None) -> dict[str, str]:
        """What is in force: nothing but limits."""
        return {
            "confinement": "none: only for models of your own",
            "limits": (limits or Limits.from_environment()).sentence(),
        }

    def start(self, bundle: Bundle, *, limits: Limits, device: str = "auto") -> Session:
        """A plain child process."""
        folder = stage(bundle)
        path = [entry for entry in sys.path if entry.endswith("-packages")]
        options = runner_options(
            limits, device=device, bundle=str(folder / "bundle"), path=path, confined=False
        )
        # In a file, for not every system hands descriptors on.
        (folder / "options.json").write_bytes(options)
        runner, place = folder / "runner" / "runner.py", folder / "options.json"
        process = PumpedProcess(
            [sys.executable, "-I", "-S", "-B", str(runner), str(place)],
            after=lambda: shutil.rmtree(folder, ignore_errors=True),
        )
        return Session(process, limits)
