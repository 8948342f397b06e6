"""Tiles of the target: drawn on request, stored, with a bounded number of waiting requests."""

import threading
from concurrent.futures import Future
from typing import Final

from challenge.imaging.deep_tiles import DeepTile
from challenge.imaging.tiles import Tile
from leaderboard import counters
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.tiles.lru_store import TileStore

MIB: Final = 1 << 20

AnyTile = Tile | DeepTile


class TruthTiles:
    """Draws one tile at a time on all cores; concurrent requests for the same tile share one computation.

    Args:
        config: `truth_tile_mib` bounds the store, `tile_waiting` the number of waiting requests.
    """

    def __init__(self, config: Config) -> None:
        self._store = TileStore(config.data / "tiles" / "truth", config.truth_tile_mib * MIB)
        self._max_waiting = config.tile_waiting
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._computing: dict[AnyTile, Future[bytes]] = {}
        self._waiting = 0

    def stored(self, tile: AnyTile) -> bytes | None:
        """The tile's bytes; None where it has not been drawn."""
        return self._store.get(_name(tile))

    def get(self, tile: AnyTile) -> bytes:
        """The tile's bytes, drawn first if needed; Refused with 503 where too many requests wait."""
        found = self.stored(tile)
        if found is not None:
            return found
        with self._lock:
            if self._waiting >= self._max_waiting:
                raise Refused(
                    503, "busy", "Too many tiles are being drawn at the moment. Try again.", retry_after=1
                )
            self._waiting += 1
            future = self._computing.get(tile)
            first = future is None
            if future is None:
                future = self._computing[tile] = Future()
        try:
            if first:
                self._draw(tile, future)
            return future.result()
        finally:
            with self._lock:
                self._waiting -= 1

    def _draw(self, tile: AnyTile, future: Future[bytes]) -> None:
        try:
            with self._drawing:
                # Check again after the lock is held: another process may have drawn it.
                content = self.stored(tile) or draw(tile)
            self._store.put(_name(tile), content)
        except BaseException as error:  # noqa: BLE001 - every waiting request gets the error
            future.set_exception(error)
        else:
            future.set_result(content)
        finally:
            with self._lock:
                del self._computing[tile]


def draw(tile: AnyTile) -> bytes:
    """Compute a tile of the target."""
    # Compiled numerics take a second to load, and most requests do not need them.
    from challenge.imaging import deep_tiles, tiles  # noqa: PLC0415

    values = deep_tiles.truth_values(tile) if isinstance(tile, DeepTile) else tiles.truth_values(tile)
    counters.TILES.labels("truth").inc()
    return tiles.encode(values, inside_at=1.0)


def _name(tile: AnyTile) -> str:
    name = f"{tile.octave:02d}/{tile.x}-{tile.y}"
    return f"{name}-{tile.limit}" if isinstance(tile, DeepTile) else name
