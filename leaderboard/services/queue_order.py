"""Whose turn it is: open evaluations first, then people's on the samples track, then the references' there.

An evaluation on the samples track takes minutes. So at most one of them is in the queue without a worker, and
a worker that claims one while something more urgent waits is sent away.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.models import Evaluation, Submission, User

_WATCHED = Evaluation.track == Track.SAMPLES.value


def live() -> ColumnElement[bool]:
    """Not final, as a condition of a query; the schema keeps the two the same, and this one has an index."""
    return Evaluation.finished_at.is_(None)


def queued() -> ColumnElement[bool]:
    """Waits for a worker, as everybody is told."""
    return Evaluation.status == Status.QUEUED.value


def waiting() -> ColumnElement[bool]:
    """Live, and nobody holds a lease."""
    return and_(live(), Evaluation.lease_until.is_(None))


def _urgency() -> ColumnElement[int]:
    """0 for the open track; on the samples track 1 for people, 2 for references."""
    return case((~_WATCHED, 0), (User.reference, 2), else_=1)


def in_turn(query: Any) -> Any:
    """A `select` of evaluations, the next one first."""
    return query.join(Evaluation.submission).join(Submission.user).order_by(_urgency(), Evaluation.id)


def put_back(session: Session, evaluation_id: int, moment: datetime) -> bool:
    """Whether one that waits has to let a more urgent one go first; if so, its task counts as not sent."""
    own = session.execute(
        in_turn(select(_urgency(), Evaluation)).where(waiting(), _WATCHED, Evaluation.id == evaluation_id)
    ).one_or_none()
    if own is None:
        return False
    urgency, evaluation = own
    # One that we failed waits a while before it is tried again; nobody has to wait for that.
    soon = or_(Evaluation.sent_at.is_not(None), Evaluation.send_at <= moment)
    first = in_turn(select(Evaluation.id)).where(waiting(), soon, _urgency() < urgency).limit(1)
    if session.scalar(first) is None:
        return False
    evaluation.sent_at, evaluation.send_at = None, moment
    return True


def due(session: Session, moment: datetime) -> list[int]:
    """What has to be sent now: every open evaluation whose time has come, or else the next of the others."""
    ready = in_turn(select(Evaluation.id)).where(waiting(), Evaluation.send_at <= moment)
    urgent = list(session.scalars(ready.where(~_WATCHED)))
    # An open one that waits has the next worker, and one other task in the queue is enough.
    unclaimed = and_(Evaluation.sent_at.is_not(None), or_(~_WATCHED, Evaluation.send_at > moment))
    ahead = session.scalar(select(Evaluation.id).where(waiting(), unclaimed).limit(1))
    if urgent or ahead is not None:
        return urgent
    return list(session.scalars(ready.where(_WATCHED).limit(1)))


def oldest_sent(session: Session) -> Evaluation | None:
    """The next of those that were sent and that nobody has claimed."""
    found: Evaluation | None = session.scalar(
        in_turn(select(Evaluation)).where(waiting(), Evaluation.sent_at.is_not(None)).limit(1)
    )
    return found
