"""Tiles of models: requested by browsers, sent to workers in batches, stored when they come back.

Requests are kept in the memory of the process that received them. A request that is lost or sent twice does
little harm: browsers ask again until the tile is there, and a worker asks what is still missing before
it draws.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from challenge.imaging.tiles import Tile, decode
from leaderboard import counters
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import Submission
from leaderboard.queue import Queue
from leaderboard.tiles.lru_store import TileStore

MIB: Final = 1 << 20
# A worker loads the model once per batch, and other visitors wait while it draws one.
BATCH: Final = 8
MAX_REQUESTED: Final = 96
# A batch that has not come back after this time is sent again.
_RESEND_SECONDS: Final = 20.0
# After this silence of all workers only one batch at a time is sent, to find out whether one is back.
_SILENT_SECONDS: Final = 45.0
_MAX_SENT: Final = 512
_MAX_REMEMBERED: Final = 4096
# Browsers repeat a request several times a second for as long as they want a tile.
_ABANDONED_SECONDS: Final = 6.0
_PROBLEM_SECONDS: Final = 300.0

_Key = tuple[str, Tile]


@dataclass(frozen=True)
class TileStatus:
    """The answer to a request for tiles.

    Attributes:
        ready: those that can be fetched now.
        waiting: how many are being drawn or queued.
        worker: whether a worker has been heard from lately.
        problem: why the model cannot be drawn, or ''.
    """

    ready: list[Tile]
    waiting: int
    worker: bool
    problem: str


class ModelTiles:
    """The tiles of all models, by the digest of their bundles."""

    def __init__(self, config: Config, queue: Queue) -> None:
        self._store = TileStore(
            config.data / "tiles" / "models", config.model_tile_mib * MIB, config.model_tile_mib_each * MIB
        )
        self._queue = queue
        self._lock = threading.Lock()
        # Tiles that were sent to workers and are not back yet.
        self._sent: TTLCache[_Key, bool] = TTLCache(_MAX_SENT, _RESEND_SECONDS)
        # When a browser last asked for a tile.
        self._requested: TTLCache[_Key, float] = TTLCache(_MAX_REMEMBERED, 10 * _RESEND_SECONDS)
        self._problems: TTLCache[str, str] = TTLCache(_MAX_REMEMBERED, _PROBLEM_SECONDS)
        self._worker_seen = -math.inf
        self._probed = -math.inf

    def stored(self, digest: str, tile: Tile) -> bytes | None:
        """The tile's bytes; None where it has not been drawn."""
        return self._store.get(_name(digest, tile))

    def missing(self, digest: str, tiles: Iterable[Tile]) -> list[Tile]:
        """The tiles that are not stored."""
        return [tile for tile in tiles if not self._store.has(_name(digest, tile))]

    def still_requested(self, digest: str, tiles: Iterable[Tile]) -> list[Tile]:
        """The tiles that are missing and that a browser still waits for."""
        missing = self.missing(digest, tiles)
        now = time.monotonic()
        with self._lock:
            # Requests that another process received are unknown here, and count as current.
            current = [
                tile
                for tile in missing
                if now - self._requested.get((digest, tile), now) < _ABANDONED_SECONDS
            ]
            for tile in set(missing).difference(current):
                # The next request for it sends it again.
                self._sent.pop((digest, tile), None)
        return current

    def request(
        self, submission: Submission, tiles: Sequence[Tile], spend: Callable[[int], None]
    ) -> TileStatus:
        """Have the workers draw the missing ones of these tiles, in this order.

        Args:
            submission: whose model.
            tiles: what the browser shows, the most important first.
            spend: called with the number of tiles about to be sent; raises Refused beyond the asker's quota.
        """
        digest = submission.digest
        missing = self.missing(digest, tiles)
        absent = set(missing)
        problem = self._problem(digest)
        if missing and not problem:
            for batch in self._batches_to_send(digest, missing, spend):
                self._queue.send_tiles(submission.id, [[t.octave, t.x, t.y] for t in batch])
        return TileStatus(
            ready=[tile for tile in tiles if tile not in absent],
            waiting=0 if problem else len(missing),
            worker=time.monotonic() - self._worker_seen < _SILENT_SECONDS,
            problem=problem,
        )

    def _batches_to_send(
        self, digest: str, missing: Sequence[Tile], spend: Callable[[int], None]
    ) -> list[Sequence[Tile]]:
        """Batches of the tiles that are not on their way; from now on they are."""
        now = time.monotonic()
        with self._lock:
            for tile in missing:
                self._requested[digest, tile] = now
            fresh = [tile for tile in missing if (digest, tile) not in self._sent]
            fresh = fresh[: max(0, _MAX_SENT - len(self._sent))]
            if fresh and now - self._worker_seen > _SILENT_SECONDS:
                # No worker seems to listen: do not fill a queue with tiles that nobody will want later.
                if now - self._probed < _RESEND_SECONDS:
                    return []
                fresh = fresh[:BATCH]
                self._probed = now
        if fresh:
            spend(len(fresh))
        with self._lock:
            for tile in fresh:
                self._sent[digest, tile] = True
        return [fresh[k : k + BATCH] for k in range(0, len(fresh), BATCH)]

    def worker_seen(self) -> None:
        """Note that a worker sent something about tiles."""
        self._worker_seen = time.monotonic()

    def keep(self, digest: str, tile: Tile, content: bytes) -> None:
        """Store a tile that a worker drew; Refused with 422 where the bytes are no tile."""
        try:
            decode(content)
        except ValueError as error:
            raise Refused(422, "tile_invalid", f"Invalid tile: {error}.") from error
        self._store.put(_name(digest, tile), content)
        counters.TILES.labels("model").inc()
        with self._lock:
            self._sent.pop((digest, tile), None)

    def fail(self, digest: str, sentence: str) -> None:
        """Note that the model cannot be drawn; requests try it again after `_PROBLEM_SECONDS`."""
        with self._lock:
            self._problems[digest] = sentence

    def _problem(self, digest: str) -> str:
        with self._lock:
            return self._problems.get(digest, "")


def _name(digest: str, tile: Tile) -> str:
    return f"{digest}/{tile.octave:02d}/{tile.x}-{tile.y}"
