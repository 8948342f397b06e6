"""No confinement: for your own model on your own machine, where bubblewrap does not work.

The same runner and the same messages, in a plain process. It covers nothing: the model can read and write
what you can. Limits of the process and deadlines hold.
"""

import os
import shutil
import sys

from challenge.bundle.reader import Bundle
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.process import Pipes, Process
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
        pipes = Pipes()
        path = [entry for entry in sys.path if entry.endswith("-packages")]
        options = pipes.options(
            limits, device=device, bundle=str(folder / "bundle"), path=path, confined=False
        )
        # A file, for not every system has files in memory.
        (folder / "options.json").write_bytes(options)
        descriptor = os.open(folder / "options.json", os.O_RDONLY)
        try:
            runner = str(folder / "runner" / "runner.py")
            process = Process(
                [sys.executable, "-I", "-S", "-B", runner, str(descriptor)],
                pipes,
                pass_fds=[descriptor],
                after=lambda: shutil.rmtree(folder, ignore_errors=True),
            )
        finally:
            os.close(descriptor)
        return Session(process, limits)
