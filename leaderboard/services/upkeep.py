"""Work on many evaluations at once: judging again, and the removal of pictures that nobody looks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from challenge.results.verdicts import Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.config import Config
from leaderboard.db import on_commit
from leaderboard.errors import Refused
from leaderboard.models import Artifact, Evaluation, RankedEntry, SeasonRow, Submission
from leaderboard.services import artifacts, evaluations
from leaderboard.services.queue_order import live


def to_rejudge(
    session: Session, season: SeasonRow, track: Track, status: Status | None, reason: Reason | None
) -> Sequence[Submission]:
    """Submissions whose newest evaluation in a season is final, and ended so; those that are hidden stay.

    Args:
        session: reads.
        season: where they were judged.
        track: on which track.
        status: how they ended; None for any way but cancelled.
        reason: why they failed; None for any.
    """
    newest = (
        select(func.max(Evaluation.id))
        .where(Evaluation.season_id == season.id, Evaluation.track == track.value)
        .group_by(Evaluation.submission_id)
    )
    query = (
        select(Submission)
        .join(Evaluation, Evaluation.submission_id == Submission.id)
        .where(
            Evaluation.id.in_(newest),
            Evaluation.finished_at.is_not(None),
            Evaluation.status != Status.CANCELLED.value,
            Submission.hidden_at.is_(None),
        )
        .order_by(Submission.id)
    )
    if status is not None:
        query = query.where(Evaluation.status == status.value)
    if reason is not None:
        query = query.where(Evaluation.reason == reason.value)
    return session.scalars(query).all()


def rejudge_all(
    session: Session, found: Sequence[Submission], season: SeasonRow, track: Track
) -> list[Evaluation]:
    """Queue an evaluation of each; those of one person take their turns behind each other, as ever."""
    if season.ranked and season.revealed:
        raise Refused(409, "season_over", f"Season {season.name} is over, and its board does not change.")
    return [evaluations.queue_evaluation(session, one, season, track) for one in found]


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be."""

    evaluations: int
    pictures: int
    bytes: int


def prune(session: Session, config: Config, before: datetime, *, dry: bool) -> Pruned:
    """Remove the pictures of superseded evaluations that ended before a moment.

    Superseded is one that does not rank as its owner's best entry, or that a newer one of the same submission
    in the same season and track replaced. Figures, reports, and the picture that stands for it stay.

    Args:
        session: writes.
        config: names the storage.
        before: those that ended earlier.
        dry: only count.
    """
    newer = aliased(Evaluation)
    replaced = (
        select(newer.id)
        .where(
            newer.submission_id == Evaluation.submission_id,
            newer.season_id == Evaluation.season_id,
            newer.track == Evaluation.track,
            newer.id > Evaluation.id,
            newer.finished_at.is_not(None),
        )
        .exists()
    )
    best = select(RankedEntry.evaluation_id).where(RankedEntry.best)
    old = and_(~live(), Evaluation.finished_at < before, or_(replaced, Evaluation.id.not_in(best)))
    rows = session.execute(
        select(Artifact.id, Artifact.evaluation_id, Artifact.name, Artifact.bytes)
        .join(Evaluation, Evaluation.id == Artifact.evaluation_id)
        .where(old, or_(Evaluation.thumbnail.is_(None), Artifact.name != Evaluation.thumbnail))
    ).all()
    if not dry:
        for start in range(0, len(rows), 500):
            numbers = [row.id for row in rows[start : start + 500]]
            session.execute(delete(Artifact).where(Artifact.id.in_(numbers)))
        keys = [artifacts.key_of(row.evaluation_id, row.name) for row in rows]
        on_commit(session, lambda: artifacts.remove_keys(config, keys))
    return Pruned(len({row.evaluation_id for row in rows}), len(rows), sum(row.bytes for row in rows))
