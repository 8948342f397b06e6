"""A person's submissions, entry by entry."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from leaderboard.models import Evaluation, SeasonRow, Submission, User


@dataclass(frozen=True)
class OwnEntry:
    """A submission and its newest evaluation in a ranked season, if there is one."""

    submission: Submission
    evaluation: Evaluation | None


def entries_of(session: Session, user: User, *, hidden: bool = False) -> list[OwnEntry]:
    """A person's entries, the newest first; hidden ones only where they are asked for."""
    newest = (
        select(func.max(Evaluation.id))
        .join(SeasonRow, SeasonRow.id == Evaluation.season_id)
        .where(SeasonRow.ranked)
        .group_by(Evaluation.submission_id)
    )
    query = (
        select(Submission, Evaluation)
        .outerjoin(
            Evaluation,
            (Evaluation.submission_id == Submission.id) & Evaluation.id.in_(newest.scalar_subquery()),
        )
        .options(joinedload(Evaluation.season))
        .where(Submission.user_id == user.id)
        .order_by(Submission.id.desc())
    )
    if not hidden:
        query = query.where(Submission.hidden_at.is_(None))
    return [OwnEntry(submission, evaluation) for submission, evaluation in session.execute(query)]
