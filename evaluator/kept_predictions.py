"""What models answered in the first stage of their evaluations, until a later stage needs it again."""

import tempfile
import weakref
from dataclasses import replace
from typing import IO, Final

import numpy as np

from evaluator.answers import Measured

# Each takes 4 MiB of disk.
MOST: Final = 32


class KeptPredictions:
    """Predictions by evaluation, those that were kept first dropped first.

    They lie in files without names, which end with this process.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[int, tuple[Measured, IO[bytes]]] = {}
        weakref.finalize(self, _close, self._kept)

    def keep(self, evaluation_id: int, measured: Measured) -> None:
        """Write the prediction to a file; where the disk has no room, nothing is kept."""
        self.take(evaluation_id)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is taken or dropped
        try:
            np.save(file, measured.prediction)
            file.flush()
        except OSError:
            file.close()
            return
        self._kept[evaluation_id] = (replace(measured, prediction=np.empty(0)), file)
        while len(self._kept) > self._most:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            oldest.close()

    def take(self, evaluation_id: int) -> Measured | None:
        """What was kept for this evaluation; it is not kept any longer."""
        found = self._kept.pop(evaluation_id, None)
        if found is None:
            return None
        measured, file = found
        with file:
            file.seek(0)
            return replace(measured, prediction=np.load(file))


def _close(kept: dict[int, tuple[Measured, IO[bytes]]]) -> None:
    for _, file in kept.values():
        file.close()
