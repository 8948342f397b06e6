"""Changes a submission's weights in a process of its own, whose memory is limited.

The judge holds the submitted file, and what was made of it while a sandbox asks for it: nothing in between.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from io import BufferedReader, BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.changed_weights.shuffling import changed_size
from evaluator.sandbox.pumped import bare_environment

# Python, NumPy and a piece of a tensor, as addresses.
ROOM: Final = 512 << 20
_ROOT: Final = Path(__file__).parents[2]


class WeightChanger:
    """Makes other weights of one file, one after the other; to be used as a context manager.

    Args:
        weights: a safetensors file whose header was checked.
    """

    def __init__(self, weights: bytes) -> None:
        self._weights = weights
        # The weights and their shuffled copy.
        options = {
            "path": [str(_ROOT), *(entry for entry in sys.path if entry.endswith("-packages"))],
            "size": len(weights),
            "memory": 2 * len(weights) + ROOM,
        }
        program = Path(__file__).with_name("child.py")
        self._command = [sys.executable, "-I", "-S", "-B", str(program), json.dumps(options)]
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        """Start the process, which gets the weights with the first change."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=bare_environment(),
            cwd=os.sep,
            start_new_session=True,
        )
        self._given = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        # It closes the pipes, and what was not written to a process that is gone is lost.
        with contextlib.suppress(BrokenPipeError):
            self._process.__exit__(kind, error, trace)

    def shuffled(self, generator: np.random.Generator) -> bytes:
        """As `shuffling.shuffled`; the generator has to be fresh.

        Raises:
            EvaluationError: INTERNAL, where the process ended.
        """
        return self._changed(generator, None)

    def mixed(self, generator: np.random.Generator, share: float) -> bytes:
        """As `shuffling.mixed`; the generator has to be fresh.

        Raises:
            EvaluationError: INTERNAL, where the process ended.
        """
        return self._changed(generator, share)

    def memory(self, *, mixed: bool) -> int:
        """Bytes of a change: what is made, its copy for a sandbox, and what the process holds."""
        return 2 * changed_size(self._weights, mixed=mixed) + 2 * len(self._weights)

    def _changed(self, generator: np.random.Generator, share: float | None) -> bytes:
        size = changed_size(self._weights, mixed=share is not None)
        change = json.dumps({"state": _plain(generator.bit_generator.state), "share": share})
        with self._turn:
            if self._process.poll() is not None:
                raise self._ended()
            try:
                return self._ask(change.encode() + b"\n", size)
            except OSError as error:
                raise self._ended() from error

    def _ask(self, line: bytes, size: int) -> bytes:
        assert self._process.stdin
        assert isinstance(self._process.stdout, BufferedReader)
        if not self._given:
            self._process.stdin.write(self._weights)
            self._given = True
        self._process.stdin.write(line)
        self._process.stdin.flush()
        # Unlike that of a bytearray, its content becomes bytes without a copy.
        result = BytesIO()
        result.seek(size - 1)
        result.write(b"\0")
        with result.getbuffer() as view:
            if self._process.stdout.readinto(view) != size:
                raise self._ended()
        return result.getvalue()

    def _ended(self) -> EvaluationError:
        assert self._process.stderr
        self._process.kill()
        code = self._process.wait()
        message = self._process.stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        return EvaluationError(
            Reason.INTERNAL, f"The process that changes weights ended with code {code}. ({message[:200]})"
        )


def _plain(value: Any) -> Any:
    """A generator's state as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value
