"""What a status tells of an entry's standing, kept until something is decided in its season.

Rank, repeated training and advice change with a verdict or by a person, and each such change gives the
season's boards another version. Whoever follows an entry asks each second.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from cachetools import LRUCache

from leaderboard.models import Evaluation

_KEPT: Final = 4096


class StandingCache:
    """Values of the evaluations that were asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: LRUCache[tuple[int, int, bool], dict[str, Any]] = LRUCache(_KEPT)

    def get(self, evaluation: Evaluation, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` returned for this evaluation since the season's board changed last."""
        season = evaluation.season
        key = (evaluation.id, season.board_version, season.revealed)
        with self._lock:
            found = self._found.get(key)
        if found is None:
            found = make()
            with self._lock:
                self._found[key] = found
        return found
