"""Places in the queue, for the many who ask: the queue is read once for all of them.

A place is a search in the keys that the queue is ordered by. They are read again when something has changed;
a long queue not more often than costs a twentieth of a processor, so that a place in it may be a second old.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.results.verdicts import FINAL, Status
from challenge.scoring.tracks import Track
from leaderboard.db import now
from leaderboard.models import Evaluation
from leaderboard.services import queue_order
from leaderboard.services.changes import Changes

Key = tuple[int, datetime, int]

# Evaluations that the expected wait is taken from.
_LATEST: Final = 20
# Changes that other processes made may not have been heard of.
_OLDEST_SECONDS: Final = 1.0
# A queue of this length is read in less time than a request takes.
_SHORT: Final = 200
_SHARE: Final = 1 / 20
_JUDGING: Final = tuple(sorted(status.value for status in set(Status) - FINAL - {Status.QUEUED}))


@dataclass(frozen=True)
class Place:
    """Where an evaluation stands in the queue.

    Attributes:
        position: 1 for the next one.
        seconds: until it starts, from the latest durations.
    """

    position: int
    seconds: float


@dataclass(frozen=True)
class _Look:
    """The queue at one moment.

    Attributes:
        change: the number of the last change that was heard of before.
        at: by the monotonic clock.
        cost: processor seconds of reading it.
        waiting: the keys of what waits on each track, ascending.
        running: the track of each evaluation that a worker has, and when it was claimed.
        usual: mean seconds of the latest evaluations on each track; 0 where there is none yet.
    """

    change: int
    at: float
    cost: float
    waiting: Mapping[str, list[Key]]
    running: tuple[tuple[str, datetime], ...]
    usual: Mapping[str, float]

    def seconds_until_free(self, ahead: Mapping[str, int]) -> float:
        """Seconds until a worker has done what is running and so many evaluations of each track."""
        moment = now()
        rest = sum(
            max(0.0, self.usual[track] - (moment - begun).total_seconds()) for track, begun in self.running
        )
        # As many workers as evaluations run now share the work.
        waiting = sum(count * self.usual[track] for track, count in ahead.items())
        return (rest + waiting) / max(1, len(self.running))


class QueueView:
    """The queue as a server shows it.

    Args:
        changes: of this server: tells when the queue has to be read again.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._lock = threading.Lock()
        self._last: _Look | None = None

    def place(self, session: Session, evaluation: Evaluation) -> Place | None:
        """The place of an evaluation; None for one that does not wait."""
        if evaluation.state is not Status.QUEUED or evaluation.deferred:
            return None
        look = self._look(session)
        key = (evaluation.urgency, evaluation.turn_at, evaluation.id)
        ahead = {track: bisect_left(keys, key) for track, keys in look.waiting.items()}
        return Place(1 + sum(ahead.values()), look.seconds_until_free(ahead))

    def expected_wait(self, session: Session) -> tuple[int, float]:
        """How many evaluations wait, and the seconds until one that is queued now starts."""
        look = self._look(session)
        ahead = {track: len(keys) for track, keys in look.waiting.items()}
        return sum(ahead.values()), look.seconds_until_free(ahead)

    def _look(self, session: Session) -> _Look:
        with self._lock:
            if self._last is None or self._is_old(self._last):
                self._last = _read(session, self._changes.count)
            return self._last

    def _is_old(self, look: _Look) -> bool:
        age = time.monotonic() - look.at
        if age * _SHARE < look.cost and sum(map(len, look.waiting.values())) > _SHORT:
            return False
        return age > _OLDEST_SECONDS or look.change != self._changes.count


def _read(session: Session, change: int) -> _Look:
    began = time.thread_time()
    at = time.monotonic()
    waiting: dict[str, list[Key]] = {track.value: [] for track in Track}
    keys = select(Evaluation.track, Evaluation.urgency, Evaluation.turn_at, Evaluation.id)
    for track, *key in session.execute(queue_order.in_turn(keys).where(queue_order.queued())):
        waiting[track].append(tuple(key))
    running = session.execute(
        select(Evaluation.track, Evaluation.claimed_at).where(
            queue_order.live(), Evaluation.status.in_(_JUDGING), Evaluation.claimed_at.is_not(None)
        )
    )
    return _Look(
        change=change,
        at=at,
        waiting=waiting,
        running=tuple((track, begun) for track, begun in running if begun is not None),
        usual={track.value: _usual_seconds(session, track) for track in Track},
        cost=time.thread_time() - began,
    )


def _usual_seconds(session: Session, track: Track) -> float:
    latest = session.execute(
        select(Evaluation.claimed_at, Evaluation.finished_at)
        .where(
            Evaluation.track == track.value,
            Evaluation.claimed_at.is_not(None),
            Evaluation.finished_at.is_not(None),
        )
        .order_by(Evaluation.finished_at.desc())
        .limit(_LATEST)
    )
    durations = [(done - begun).total_seconds() for begun, done in latest if begun and done]
    return sum(durations) / max(1, len(durations))
