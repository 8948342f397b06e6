"""Tiles of models: wished for by visitors, sent to the workers in batches, kept when they come back.

What is wished for is known to the process that was told; a wish that is lost or sent twice costs a moment,
because browsers wish again until the tile is there, and a worker asks what is still missing before it draws.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from challenge.imaging.tiles import Tile, decode
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.models import Submission
from leaderboard.queue import Queue
from leaderboard.tiles.lru_store import TileStore

MIB: Final = 1 << 20
# A worker loads the model once a batch, and one visitor's batch is what the next one waits for.
BATCH: Final = 8
MOST_WISHES: Final = 96
# After so long a batch that has not come back is sent again.
_AGAIN_SECONDS: Final = 20.0
# Where no worker has been heard for so long, one batch at a time is sent, to see whether one is there now.
_SILENT_SECONDS: Final = 45.0
_MOST_SENT: Final = 512
# Browsers wish several times a second for as long as they want a tile.
_FORGOTTEN_SECONDS: Final = 6.0
_PROBLEM_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Wish:
    """What a visitor is told of the tiles that they wish for.

    Attributes:
        ready: those that can be had now.
        waiting: how many are being drawn, or will be.
        worker: whether a worker has been heard of lately.
        problem: why none will come, or ''.
    """

    ready: list[Tile]
    waiting: int
    worker: bool
    problem: str


@dataclass
class _Sent:
    """Batches on their way: when each tile was sent and last wished for, and what was heard of workers."""

    when: dict[tuple[str, Tile], float] = field(default_factory=dict)
    wished: dict[tuple[str, Tile], float] = field(default_factory=dict)
    heard: float = -math.inf
    probed: float = -math.inf


class ModelTiles:
    """The tiles of all models, by the digest of their bundles."""

    def __init__(self, config: Config, queue: Queue) -> None:
        self._store = TileStore(
            config.data / "tiles" / "models", config.model_tile_mib * MIB, config.model_tile_mib_each * MIB
        )
        self._queue = queue
        self._lock = threading.Lock()
        self._sent = _Sent()
        self._problems: dict[str, tuple[float, str]] = {}

    def stored(self, digest: str, tile: Tile) -> bytes | None:
        """The tile's bytes, where it has been drawn."""
        return self._store.get(_name(digest, tile))

    def missing(self, digest: str, tiles: Iterable[Tile]) -> list[Tile]:
        """Those that are not there."""
        return [tile for tile in tiles if not self._store.has(_name(digest, tile))]

    def wanted(self, digest: str, tiles: Iterable[Tile]) -> list[Tile]:
        """Those that are missing, and that nobody who wished for them has turned away from."""
        missing = self.missing(digest, tiles)
        now = time.monotonic()
        with self._lock:
            # Wishes that another process was told of are unknown here, and stand.
            kept = [
                tile
                for tile in missing
                if now - self._sent.wished.get((digest, tile), now) < _FORGOTTEN_SECONDS
            ]
            for tile in set(missing).difference(kept):
                # Wished for again, they are sent again.
                self._sent.when.pop((digest, tile), None)
        return kept

    def wish(self, submission: Submission, tiles: Sequence[Tile], spend: Callable[[int], None]) -> Wish:
        """Have the workers draw what is missing of these, the first ones first.

        `spend` is told how many are about to be sent, and refuses where that is too many.
        """
        digest = submission.digest
        missing = self.missing(digest, tiles)
        gone = set(missing)
        problem = self._problem(digest)
        if missing and not problem:
            for batch in self._due(digest, missing, spend):
                self._queue.send_tiles(submission.id, [[t.octave, t.x, t.y] for t in batch])
        return Wish(
            ready=[tile for tile in tiles if tile not in gone],
            waiting=0 if problem else len(missing),
            worker=time.monotonic() - self._sent.heard < _SILENT_SECONDS,
            problem=problem,
        )

    def _due(
        self, digest: str, missing: Sequence[Tile], spend: Callable[[int], None]
    ) -> list[Sequence[Tile]]:
        """Batches of what is not on its way, which from now on is."""
        now = time.monotonic()
        with self._lock:
            sent = self._sent
            sent.when = {key: at for key, at in sent.when.items() if now - at < _AGAIN_SECONDS}
            sent.wished = {key: at for key, at in sent.wished.items() if now - at < 10 * _AGAIN_SECONDS}
            sent.wished |= dict.fromkeys(((digest, tile) for tile in missing), now)
            fresh = [tile for tile in missing if (digest, tile) not in sent.when]
            fresh = fresh[: max(0, _MOST_SENT - len(sent.when))]
            if fresh and now - sent.heard > _SILENT_SECONDS:
                # Nobody takes them: a queue must not fill up with what nobody will want by then.
                if now - sent.probed < _AGAIN_SECONDS:
                    return []
                fresh = fresh[:BATCH]
                sent.probed = now
        if fresh:
            spend(len(fresh))
        with self._lock:
            sent.when |= dict.fromkeys(((digest, tile) for tile in fresh), now)
        return [fresh[k : k + BATCH] for k in range(0, len(fresh), BATCH)]

    def heard(self) -> None:
        """A worker spoke of tiles."""
        self._sent.heard = time.monotonic()

    def keep(self, digest: str, tile: Tile, content: bytes) -> None:
        """Keep what a worker drew; Refused with 422 where it is no tile."""
        try:
            decode(content)
        except ValueError as error:
            raise Refused(422, "tile_invalid", f"This is no tile: {error}.") from error
        self._store.put(_name(digest, tile), content)
        with self._lock:
            self._sent.when.pop((digest, tile), None)

    def fail(self, digest: str, sentence: str) -> None:
        """The model cannot be drawn; it is tried again after some minutes."""
        with self._lock:
            self._problems[digest] = (time.monotonic(), sentence)

    def _problem(self, digest: str) -> str:
        with self._lock:
            at, sentence = self._problems.get(digest, (0.0, ""))
            if sentence and time.monotonic() - at > _PROBLEM_SECONDS:
                del self._problems[digest]
                return ""
            return sentence


def _name(digest: str, tile: Tile) -> str:
    return f"{digest}/{tile.octave:02d}/{tile.x}-{tile.y}"
