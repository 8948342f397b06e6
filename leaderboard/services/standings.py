"""Who did how well: the entries of a season, ranked by full precision and with ties."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, contains_eager

from challenge.metrics import rank_ranges
from challenge.verdicts import Status
from leaderboard.models import Evaluation, ReportRow, SeasonRow, Submission, User

_JUDGED = (Status.SCORED, Status.REJECTED, Status.DISQUALIFIED)


@dataclass(frozen=True)
class Entry:
    """A submission's standing in a season; `rank` is None for one that does not rank."""

    evaluation: Evaluation
    rank: tuple[int, int] | None = None

    @property
    def submission(self) -> Submission:
        """What was submitted."""
        return self.evaluation.submission

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        e, s = self.evaluation, self.submission
        return {
            "rank": list(self.rank) if self.rank else None,
            "submission_id": s.id,
            "evaluation_id": e.id,
            "name": s.name,
            "author": s.author,
            "method": s.method,
            "status": e.status,
            "octaves": e.octaves,
            "interval": interval(e),
            "depth": e.depth,
            "precision_db": e.precision_db,
            "universality": e.universality,
            "weight_class": s.weight_class,
            "bytes": s.bytes,
            "parameters": e.parameters,
            "predictions_per_second": e.predictions_per_second,
            "device": e.device,
            "date": (e.finished_at or e.queued_at).isoformat(timespec="seconds"),
            "reference": s.user.reference,
            "flagged": e.flagged,
        }


@dataclass(frozen=True)
class Board:
    """The standing of a season: ranked, being judged, and not ranked."""

    season: SeasonRow
    entries: tuple[Entry, ...]
    pending: tuple[Evaluation, ...]
    unranked: tuple[Entry, ...]


def interval(evaluation: Evaluation) -> list[float] | None:
    """[low, high], or None before there is a report."""
    if evaluation.interval_low is None or evaluation.interval_high is None:
        return None
    return [evaluation.interval_low, evaluation.interval_high]


def board(session: Session, season: SeasonRow) -> Board:
    """The standing of a season.

    A submission stands by its newest judged evaluation; while it is judged again, the old one stands.
    """
    rows = session.scalars(
        select(Evaluation)
        .join(Evaluation.submission)
        .join(Submission.user)
        .options(contains_eager(Evaluation.submission).contains_eager(Submission.user))
        .where(Evaluation.season_id == season.id, Submission.hidden_at.is_(None))
        .order_by(Evaluation.id)
    ).all()
    standing: dict[int, Evaluation] = {}
    pending = []
    for row in rows:
        if not row.state.final:
            pending.append(row)
            continue
        before = standing.get(row.submission_id)
        if before is None or row.state in _JUDGED or before.state not in _JUDGED:
            standing[row.submission_id] = row
    scored = sorted(
        (e for e in standing.values() if e.state is Status.SCORED and e.octaves is not None),
        key=lambda e: (-(e.octaves or 0.0), e.id),
    )
    under_way = {e.submission_id for e in pending}
    others = [
        e
        for e in standing.values()
        if e.state is not Status.SCORED and not (e.submission_id in under_way and e.state not in _JUDGED)
    ]
    ranks = _ranks(session, tuple(e.id for e in scored))
    return Board(
        season=season,
        entries=tuple(Entry(e, rank) for e, rank in zip(scored, ranks, strict=True)),
        pending=tuple(pending),
        unranked=tuple(Entry(e) for e in sorted(others, key=lambda e: -e.id)),
    )


_Ranks = list[tuple[int, int]]


class _Cache:
    """The ranks of the last few sets of evaluations: the bootstrap is dear, and results never change."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._ranks: dict[tuple[int, ...], _Ranks] = {}

    def get(self, key: tuple[int, ...], make: Callable[[], _Ranks]) -> _Ranks:
        """What is kept under the key, made where it is not there. Who comes meanwhile waits for the first."""
        with self._lock:
            if key not in self._ranks:
                while len(self._ranks) >= self._size:
                    self._ranks.pop(next(iter(self._ranks)))
                self._ranks[key] = make()
            return self._ranks[key]


_CACHE_SIZE = 16
# One cache for each database: evaluation 1 of another one is another evaluation.
_caches: WeakKeyDictionary[Engine, _Cache] = WeakKeyDictionary()


def _ranks(session: Session, ids: tuple[int, ...]) -> _Ranks:
    def make() -> _Ranks:
        rows = session.execute(
            select(ReportRow.evaluation_id, ReportRow.skill, ReportRow.skill_by_chain).where(
                ReportRow.evaluation_id.in_(ids)
            )
        )
        by_id = {number: matrix(by_chain, len(skill) // 8) for number, skill, by_chain in rows}
        return rank_ranges([by_id[i] for i in ids])

    return _caches.setdefault(session.get_bind().engine, _Cache(_CACHE_SIZE)).get(ids, make)


def matrix(stored: bytes, octaves: int) -> NDArray[np.float64]:
    """(chains, octaves) of what a report's row holds."""
    return np.frombuffer(stored, dtype="<f8").reshape(-1, octaves)


def progress(evaluation: Evaluation, position: int | None) -> dict[str, Any]:
    """How far an evaluation is, as the board shows it."""
    return {
        "evaluation_id": evaluation.id,
        "submission_id": evaluation.submission_id,
        "name": evaluation.submission.name,
        "author": evaluation.submission.author,
        "status": evaluation.status,
        "progress": evaluation.progress,
        "message": evaluation.message,
        "attempt": evaluation.attempts,
        "queue_position": position,
        "final": evaluation.state.final,
    }


def reference_skills(session: Session, season: SeasonRow) -> list[tuple[Submission, list[float]]]:
    """The skill curves of the reference entries of a season."""
    rows = session.execute(
        select(Submission, ReportRow.skill)
        .join(Evaluation, Evaluation.submission_id == Submission.id)
        .join(ReportRow, ReportRow.evaluation_id == Evaluation.id)
        .join(User, User.id == Submission.user_id)
        .where(
            Evaluation.season_id == season.id,
            Evaluation.status.in_((Status.SCORED.value, Status.REJECTED.value)),
            Submission.hidden_at.is_(None),
            User.reference,
        )
        .order_by(Evaluation.id)
    )
    # A later evaluation of the same submission takes the place of an earlier one.
    found = {submission.id: (submission, matrix(stored, 1)[:, 0].tolist()) for submission, stored in rows}
    return list(found.values())
