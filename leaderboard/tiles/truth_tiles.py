"""Tiles of the target: drawn on request, stored, with a bounded number of waiting requests."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from challenge.imaging.deep_tiles import DeepTile
from challenge.imaging.tiles import Tile
from leaderboard import counters
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.tiles.lru_store import TileStore

MIB: Final = 1 << 20

AnyTile = Tile | DeepTile
Wanted = Callable[[], bool]

# How often a request that waits looks whether it is still wanted.
_LOOK_SECONDS: Final = 0.1


@dataclass
class _Drawing:
    """A tile that is drawn or waits for it, and the requests for it."""

    wanted: list[Wanted] = field(default_factory=list)
    done: Future[bytes] = field(default_factory=Future)

    def is_wanted(self) -> bool:
        return any(wanted() for wanted in self.wanted)


class TruthTiles:
    """Draws one tile at a time on all cores; concurrent requests for the same tile share one computation.

    Args:
        config: `truth_tile_mib` bounds the store, `tile_waiting` the number of waiting requests.
    """

    def __init__(self, config: Config) -> None:
        self._store = TileStore(config.data / "tiles" / "truth", config.truth_tile_mib * MIB)
        self._max_waiting = config.tile_waiting
        self._lock = threading.RLock()
        self._turn = threading.Lock()
        self._drawings: dict[AnyTile, _Drawing] = {}

    def stored(self, tile: AnyTile) -> bytes | None:
        """The tile's bytes; None where it has not been drawn."""
        return self._store.get(_name(tile))

    def get(self, tile: AnyTile, wanted: Wanted = lambda: True) -> bytes:
        """The tile's bytes, drawn first if needed.

        Args:
            tile: the tile.
            wanted: whether somebody still waits for the answer. A fast zoom leaves requests behind: they hold
                no place, and their tiles are not drawn.

        Raises:
            Refused: with 503, where too many requests wait; with 499, where nobody waits for this one.
        """
        found = self.stored(tile)
        if found is not None:
            return found
        with self._lock:
            if self.waiting() >= self._max_waiting:
                raise Refused(
                    503, "busy", "Too many tiles are being drawn at the moment. Try again.", retry_after=1
                )
            drawing = self._drawings.get(tile)
            first = drawing is None
            if drawing is None:
                drawing = self._drawings[tile] = _Drawing()
            drawing.wanted.append(wanted)
        try:
            if first:
                self._draw(tile, drawing)
            return _await(drawing, wanted)
        finally:
            with self._lock:
                drawing.wanted.remove(wanted)

    def waiting(self) -> int:
        """How many requests wait for a tile."""
        with self._lock:
            return sum(wanted() for drawing in self._drawings.values() for wanted in drawing.wanted)

    def _draw(self, tile: AnyTile, drawing: _Drawing) -> None:
        try:
            content = self._draw_in_turn(tile, drawing)
            self._store.put(_name(tile), content)
        except BaseException as error:  # noqa: BLE001 - every waiting request gets the error
            drawing.done.set_exception(error)
        else:
            drawing.done.set_result(content)
        finally:
            self._forget(tile, drawing)

    def _draw_in_turn(self, tile: AnyTile, drawing: _Drawing) -> bytes:
        while not self._turn.acquire(timeout=_LOOK_SECONDS):
            if self._given_up(tile, drawing):
                raise _left()
        try:
            if self._given_up(tile, drawing):
                raise _left()
            # Check again after the lock is held: another process may have drawn it.
            return self.stored(tile) or draw(tile)
        finally:
            self._turn.release()

    def _given_up(self, tile: AnyTile, drawing: _Drawing) -> bool:
        """Whether nobody wants the tile; nobody can join this drawing of it afterwards."""
        with self._lock:
            if drawing.is_wanted():
                return False
            del self._drawings[tile]
            return True

    def _forget(self, tile: AnyTile, drawing: _Drawing) -> None:
        with self._lock:
            if self._drawings.get(tile) is drawing:
                del self._drawings[tile]


def _await(drawing: _Drawing, wanted: Wanted) -> bytes:
    while True:
        try:
            return drawing.done.result(timeout=_LOOK_SECONDS)
        except TimeoutError:
            # The drawing's own errors come the same way.
            if drawing.done.done():
                return drawing.done.result()
            if not wanted():
                raise _left() from None


def _left() -> Refused:
    return Refused(499, "left", "Nobody waits for this tile any more.")


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
