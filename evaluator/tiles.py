"""The tile worker: draws tiles of models for the explorer in sandboxes, and posts them one by one.

It is a process of its own with a lower priority than evaluations, so that neither waits for the other. A
sandbox stays open for a while after its last tile, so that the next tiles come quickly.
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
from evaluator.api_client import LeaseLost, TileClient
from evaluator.celery_app import consume
from evaluator.sandbox import Sandbox
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.session import Session

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 20.0
# Two visitors may look at two models; a sandbox that is no fork takes a third of a gigabyte.
MOST_OPEN: Final = 2
# Evaluations go first where both want a processor, and tiles still get some of it.
NICE: Final = 5
# The queue's default of a second is long for a visitor who looks at an empty square.
_POLL_SECONDS: Final = 0.2


@dataclass
class _Loaded:
    """A sandbox with a loaded model, and when it was last used."""

    session: Session
    used: float = field(default_factory=time.monotonic)


class ModelPool:
    """Sandboxes with loaded models, by bundle digest; each is closed when it has been idle for a while.

    Args:
        start: makes a session for a bundle; the pool enters it.
        idle_seconds: until an unused one is closed.
        most: open at the same time.
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
        self._loaded: dict[str, _Loaded] = {}
        # Held while a model draws: the timer must not close it.
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    @contextmanager
    def use(self, digest: str, fetch: Callable[[], Bundle]) -> Iterator[Session]:
        """The model's session; closed at once if something goes wrong in it.

        Call it from the main thread: a sandbox ends with the thread that started it.
        """
        with self._lock:
            try:
                if digest not in self._loaded:
                    self._begin(digest, fetch())
                yield self._loaded[digest].session
                self._loaded[digest].used = time.monotonic()
            except BaseException:
                self._end(digest)
                raise
            finally:
                self._set_timer()

    def close(self) -> None:
        """Close all sandboxes."""
        with self._lock:
            for digest in list(self._loaded):
                self._end(digest)
            self._set_timer()

    def _begin(self, digest: str, bundle: Bundle) -> None:
        while len(self._loaded) >= self._most:
            self._end(min(self._loaded, key=lambda one: self._loaded[one].used))
        session = self._start(bundle)
        session.__enter__()
        self._loaded[digest] = _Loaded(session)
        session.load()

    def _end(self, digest: str) -> None:
        held = self._loaded.pop(digest, None)
        if held is not None:
            held.session.__exit__(None, None, None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._loaded:
            first = min(one.used for one in self._loaded.values()) + self._idle
            self._timer = threading.Timer(max(0.0, first - time.monotonic()), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _sweep(self) -> None:
        with self._lock:
            for digest, held in list(self._loaded.items()):
                if time.monotonic() - held.used >= self._idle:
                    self._end(digest)
            self._set_timer()


class TileRenderer:
    """Draws batches of tiles for one leaderboard."""

    def __init__(
        self,
        client: TileClient,
        sandbox: Sandbox,
        limits: Limits,
        device: str = "auto",
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._client = client
        # Threads that wait for each other are slow beside a busy evaluation; half as many are less so.
        limits = replace(limits, threads=max(1, limits.threads // 2))
        self.models = ModelPool(
            lambda bundle: sandbox.start(bundle, limits=limits, device=device), idle_seconds
        )

    def render(self, submission_id: int, tiles: Sequence[Tile]) -> None:
        """Draw the tiles of a batch that are still missing; failures are posted to the leaderboard."""
        try:
            self._render(submission_id, tiles)
        except LeaseLost as gone:
            log.info("submission %d is not to be drawn: %s", submission_id, gone)
        except EvaluationError as error:
            log.info("submission %d cannot be drawn: %s", submission_id, error.sentence)
            self._fail(submission_id, error)
        except Exception:
            log.exception("submission %d could not be drawn by an error of the evaluator", submission_id)
            self._fail(submission_id, EvaluationError(Reason.INTERNAL))

    def _render(self, submission_id: int, tiles: Sequence[Tile]) -> None:
        claim = self._client.claim(submission_id, tiles)
        if not claim.tiles:
            return
        began = time.monotonic()
        with self.models.use(claim.digest, lambda: self._bundle(submission_id)) as session:
            for tile in claim.tiles:
                self._client.tile(submission_id, tile, draw(session, tile))
        log.info(
            "submission %d: %d tiles in %.2f s", submission_id, len(claim.tiles), time.monotonic() - began
        )

    def _bundle(self, submission_id: int) -> Bundle:
        with tempfile.TemporaryDirectory(prefix="mbc-tiles-") as folder:
            path = Path(folder) / "bundle.zip"
            path.write_bytes(self._client.bundle(submission_id))
            return read_bundle(path)

    def _fail(self, submission_id: int, error: EvaluationError) -> None:
        try:
            self._client.failure(submission_id, error)
        except (LeaseLost, EvaluationError) as gone:
            log.warning("submission %d: the failure could not be posted: %s", submission_id, gone)


def draw(session: Session, tile: Tile) -> bytes:
    """A tile of the model's predictions, encoded."""
    return encode(session.predict(to_unit(tile.points()))[:, 0])


def serve(broker: str, renderer: TileRenderer) -> None:
    """Work on batches, one after the other, until the process is stopped."""
    os.nice(NICE)
    app: Any = Celery("tiles", set_as_current=False)
    app.conf.update(celery_options(broker))
    # The embedded transport passes all of its options on to the database, so it cannot be one of them.
    virtual.Transport.polling_interval = _POLL_SECONDS

    @app.task(name=TILE_TASK)  # type: ignore[untyped-decorator]  # Celery ships no types
    def paint(submission_id: int, tiles: list[list[int]]) -> None:
        renderer.render(submission_id, [Tile(*one) for one in tiles])

    try:
        # Celery ends the process when it is done.
        consume(app, TILE_QUEUE)
    finally:
        renderer.models.close()
