"""Tiles of models, for people who look around: asked for in batches, drawn in a sandbox, sent one by one.

A worker of its own does this, with less right to the processors than a judge has: neither waits for the
other. A sandbox stays for a while after its last tile, so that moving on is quick.
"""

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from celery import Celery
from kombu.transport import virtual

from challenge.bundle.reader import Bundle, read_bundle
from challenge.imaging.tiles import Tile, encode
from challenge.mandelbrot.coordinates import to_unit
from challenge.results.verdicts import EvaluationError, Reason
from challenge.util.queue import TILE_QUEUE, TILE_TASK, celery_options
from evaluator.api_client import LeaseLost
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session
from evaluator.tile_board import TileBoard
from evaluator.worker import take

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 20.0
# Two visitors may look at two models; every sandbox takes a third of a gigabyte.
MOST_OPEN: Final = 2
# Judging goes first where both want a processor, and tiles still come.
NICE: Final = 5
# The queue's own pause, a second, is long for somebody who looks at an empty square.
_POLL_SECONDS: Final = 0.2


@dataclass
class _Open:
    """A sandbox with a loaded model, and when it was last used."""

    session: Session
    used: float = field(default_factory=time.monotonic)


class OpenModels:
    """Sandboxes with loaded models, by digest; each ends when nobody has used it for a while.

    Args:
        start: makes a session of a bundle, which has not been entered.
        idle_seconds: how long one stays.
        most: how many stay at the same time.
    """

    def __init__(
        self,
        start: Callable[[Bundle], Session],
        idle_seconds: float = IDLE_SECONDS,
        most: int = MOST_OPEN,
    ) -> None:
        self._start = start
        self._idle = idle_seconds
        self._most = most
        self._open: dict[str, _Open] = {}
        # A model that is drawing must not be ended by the clock.
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    @contextmanager
    def use(self, digest: str, fetch: Callable[[], Bundle]) -> Iterator[Session]:
        """The model's session; ended at once where something goes wrong in it.

        Call it from the main thread: a sandbox ends with the thread that started it.
        """
        with self._lock:
            try:
                if digest not in self._open:
                    self._begin(digest, fetch())
                yield self._open[digest].session
                self._open[digest].used = time.monotonic()
            except BaseException:
                self._end(digest)
                raise
            finally:
                self._set_clock()

    def close(self) -> None:
        """End them all."""
        with self._lock:
            for digest in list(self._open):
                self._end(digest)
            self._set_clock()

    def _begin(self, digest: str, bundle: Bundle) -> None:
        while len(self._open) >= self._most:
            self._end(min(self._open, key=lambda one: self._open[one].used))
        session = self._start(bundle)
        session.__enter__()
        self._open[digest] = _Open(session)
        session.load()

    def _end(self, digest: str) -> None:
        held = self._open.pop(digest, None)
        if held is not None:
            held.session.__exit__(None, None, None)

    def _set_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open:
            first = min(one.used for one in self._open.values()) + self._idle
            self._timer = threading.Timer(max(0.0, first - time.monotonic()), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _sweep(self) -> None:
        with self._lock:
            for digest, held in list(self._open.items()):
                if time.monotonic() - held.used >= self._idle:
                    self._end(digest)
            self._set_clock()


class Painter:
    """Draws batches of tiles for one leaderboard."""

    def __init__(
        self,
        board: TileBoard,
        sandbox: Sandbox,
        limits: Limits,
        device: str = "auto",
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._board = board
        # Threads that wait for each other crawl where a judge has the processors; half as many crawl less.
        limits = replace(limits, threads=max(1, limits.threads // 2))
        self.models = OpenModels(
            lambda bundle: sandbox.start(bundle, limits=limits, device=device), idle_seconds
        )

    def paint(self, submission_id: int, tiles: Sequence[Tile]) -> None:
        """Draw what is still missing of a batch. Whatever goes wrong is told to the leaderboard."""
        try:
            self._paint(submission_id, tiles)
        except LeaseLost as gone:
            log.info("submission %d is not to be drawn: %s", submission_id, gone)
        except EvaluationError as error:
            log.info("submission %d cannot be drawn: %s", submission_id, error.sentence)
            self._fail(submission_id, error)
        except Exception:
            log.exception("submission %d could not be drawn by a fault of ours", submission_id)
            self._fail(submission_id, EvaluationError(Reason.INTERNAL))

    def _paint(self, submission_id: int, tiles: Sequence[Tile]) -> None:
        claim = self._board.claim(submission_id, tiles)
        if not claim.tiles:
            return
        began = time.monotonic()
        with self.models.use(claim.digest, lambda: self._bundle(submission_id)) as session:
            for tile in claim.tiles:
                self._board.tile(submission_id, tile, draw(session, tile))
        log.info(
            "submission %d: %d tiles in %.2f s", submission_id, len(claim.tiles), time.monotonic() - began
        )

    def _bundle(self, submission_id: int) -> Bundle:
        with tempfile.TemporaryDirectory(prefix="mbc-tiles-") as folder:
            path = Path(folder) / "bundle.zip"
            path.write_bytes(self._board.bundle(submission_id))
            return read_bundle(path)

    def _fail(self, submission_id: int, error: EvaluationError) -> None:
        try:
            self._board.failure(submission_id, error)
        except (LeaseLost, EvaluationError) as gone:
            log.warning("submission %d: could not tell the leaderboard: %s", submission_id, gone)


def draw(session: Session, tile: Tile) -> bytes:
    """What the model makes of a tile."""
    return encode(session.predict(to_unit(tile.points()))[:, 0])


def serve(broker: str, painter: Painter) -> None:
    """Take batches, one after the other, until the process is told to stop."""
    os.nice(NICE)
    app: Any = Celery("tiles", set_as_current=False)
    app.conf.update(celery_options(broker))
    # The embedded transport takes no such option: it hands all of them on to the database.
    virtual.Transport.polling_interval = _POLL_SECONDS

    @app.task(name=TILE_TASK)  # type: ignore[untyped-decorator]  # Celery ships no types
    def paint(submission_id: int, tiles: list[list[int]]) -> None:
        painter.paint(submission_id, [Tile(*one) for one in tiles])

    try:
        # Celery ends the process when it is done.
        take(app, TILE_QUEUE)
    finally:
        painter.models.close()
