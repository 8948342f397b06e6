"""A budget of memory that jobs on several threads share: large ones take turns, small ones run together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Of weights that probes make, with whatever it takes to make them. One job may exceed it, alone.
BUDGET_BYTES: Final = 1 << 30


class MemoryBudget:
    """Bytes that may be in use at once.

    Args:
        total: the budget.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, or nobody else uses any, and hold them."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size <= self._total)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()


WEIGHTS: Final = MemoryBudget(BUDGET_BYTES)
