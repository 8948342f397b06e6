"""Tiles of the truth: drawn when they are asked for, kept, and never too many at once."""

import threading
from concurrent.futures import Future
from typing import Final

from challenge.imaging.tiles import Tile
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.tiles.lru_store import TileStore

MIB: Final = 1 << 20


class TruthTiles:
    """Draws one tile at a time, on all cores; whoever asks for the same one meanwhile waits for that drawing.

    Args:
        config: `truth_tile_mib` bounds what is kept, `tile_waiting` how many requests may wait.
    """

    def __init__(self, config: Config) -> None:
        self._store = TileStore(config.data / "tiles" / "truth", config.truth_tile_mib * MIB)
        self._most = config.tile_waiting
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._flights: dict[Tile, Future[bytes]] = {}
        self._inside = 0

    def stored(self, tile: Tile) -> bytes | None:
        """The tile's bytes, where it has been drawn."""
        return self._store.get(_name(tile))

    def get(self, tile: Tile) -> bytes:
        """The tile's bytes, drawn where they are not there yet; Refused with 503 where too many wait."""
        found = self.stored(tile)
        if found is not None:
            return found
        with self._lock:
            if self._inside >= self._most:
                raise Refused(
                    503, "busy", "Many tiles are being drawn at this moment. Try again.", retry_after=1
                )
            self._inside += 1
            flight = self._flights.get(tile)
            mine = flight is None
            if flight is None:
                flight = self._flights[tile] = Future()
        try:
            if mine:
                self._draw(tile, flight)
            return flight.result()
        finally:
            with self._lock:
                self._inside -= 1

    def _draw(self, tile: Tile, flight: Future[bytes]) -> None:
        try:
            with self._drawing:
                # Between our look and our turn, another process or flight may have drawn it.
                content = self.stored(tile) or drawn(tile)
            self._store.put(_name(tile), content)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            flight.set_exception(error)
        else:
            flight.set_result(content)
        finally:
            with self._lock:
                del self._flights[tile]


def drawn(tile: Tile) -> bytes:
    """A tile of the truth, computed now."""
    # Compiled numerics take a second to load; the board itself does without.
    from challenge.imaging.tiles import encode, truth_values  # noqa: PLC0415

    return encode(truth_values(tile), inside_at=1.0)


def _name(tile: Tile) -> str:
    return f"{tile.octave:02d}/{tile.x}-{tile.y}"
