"""How many bundles a person may submit: by day, and waiting or being judged at the same time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Fault, Reason
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import Refused
from leaderboard.models import Evaluation, HandIn, User
from leaderboard.services.queue_order import under_way


@dataclass(frozen=True)
class Quota:
    """What a person may still submit.

    Attributes:
        a_day, used_today: bundles between two midnights, UTC; what failed by our own fault is not counted.
        at_once, waiting: bundles that wait or are judged at the same time.
        renewed_at: the next midnight.
    """

    a_day: int
    used_today: int
    at_once: int
    waiting: int
    renewed_at: datetime

    @property
    def left(self) -> int:
        """How many can be submitted at this moment."""
        return max(0, min(self.a_day - self.used_today, self.at_once - self.waiting))

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self) | {
            "renewed_at": self.renewed_at.isoformat(timespec="seconds"),
            "left": self.left,
        }


def quota(session: Session, config: Config, user: User) -> Quota:
    """Where a person stands."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    # A bundle that is judged on both tracks is one hand-in: its rows share their moment.
    used = session.scalar(
        select(func.count(HandIn.at.distinct()))
        .outerjoin(Evaluation, Evaluation.id == HandIn.evaluation_id)
        .where(
            HandIn.user_id == user.id,
            HandIn.at >= midnight,
            or_(
                Evaluation.fault.is_(None),
                Evaluation.fault != Fault.PLATFORM.value,
                # A bundle on which the judge failed every time has been tried as often as any.
                Evaluation.reason == Reason.INTERNAL.value,
            ),
        )
    )
    # Counted by submissions: being judged again by an administrator takes no place.
    waiting = session.scalar(
        select(func.count(HandIn.at.distinct()))
        .join(Evaluation, Evaluation.id == HandIn.evaluation_id)
        .where(HandIn.user_id == user.id, under_way())
    )
    return Quota(
        a_day=config.hand_ins_a_day,
        used_today=used or 0,
        at_once=config.hand_ins_waiting,
        waiting=waiting or 0,
        renewed_at=midnight + timedelta(days=1),
    )


def check(session: Session, config: Config, user: User) -> None:
    """Refused with 429 where a person has no hand-in left. The server's own references are always taken."""
    if user.reference:
        return
    # On PostgreSQL two hand-ins of one person at once have to wait for each other; SQLite has one writer.
    session.execute(select(User.id).where(User.id == user.id).with_for_update())
    stands = quota(session, config, user)
    if stands.used_today >= stands.a_day:
        raise Refused(
            429,
            "quota_day",
            f"You have submitted {stands.used_today} of {stands.a_day} bundles today.",
            "The count starts again at midnight, UTC.",
            retry_after=max(1, round((stands.renewed_at - now()).total_seconds())),
        )
    _check_waiting(stands)


def check_waiting(session: Session, config: Config, user: User) -> None:
    """Refused with 429 where as many of a person's bundles wait or are judged as may at once."""
    if not user.reference:
        _check_waiting(quota(session, config, user))


def _check_waiting(stands: Quota) -> None:
    if stands.waiting >= stands.at_once:
        raise Refused(
            429,
            "quota_waiting",
            f"{stands.waiting} of your bundles wait or are being judged, and {stands.at_once} may at once.",
            "Submit the next one when one of them is done, or cancel one.",
            retry_after=60,
        )


def consume(session: Session, user: User, evaluations: Sequence[Evaluation]) -> None:
    """Count a hand-in, whichever tracks it is for."""
    moment = now()
    session.add_all(HandIn(user_id=user.id, evaluation_id=one.id, at=moment) for one in evaluations)
    session.flush()
