"""The order in which waiting evaluations are judged: by urgency, then by their turns.

Urgency is one of four classes. First figures come before everything else, so that a person who submits sees
octaves soon; references wait for people.

    0  people's first stage on the open track
    1  the references' first stage
    2  people's later stages, and their evaluations on the samples track
    3  the references'

An evaluation that is deferred (services/deferral.py) does not wait, until somebody asks for the rest of it.

Within a class it is fair queueing as of Demers, Keshav and Shenker (1989): the turn of an evaluation is the
moment at which it is queued, or the turn of the last waiting evaluation of the same person on the same track
where that is later, plus the weight of its track. So the second bundle of one person comes after the first of
another, and an evaluation that takes minutes after those that take seconds. Within a class nothing waits for
ever: no evaluation that is queued after a turn comes before it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.tracks import CPU, Track
from leaderboard.clock import monotonic_utcnow
from leaderboard.db import now
from leaderboard.models import Evaluation, SeasonRow, Submission, User

# How much later a turn is for each evaluation of the same person before it. Long beside an evaluation, so
# that one person who submits a few at once does not hold up the others; short beside people's patience.
_WEIGHTS: Final = {Track.OPEN: timedelta(minutes=30), Track.SAMPLES: timedelta(minutes=90)}
# References learn on the samples track when nobody else waits.
_REFERENCE_WEIGHT: Final = timedelta(days=1)


def live() -> ColumnElement[bool]:
    """Not final, as a condition of a query; the schema keeps the two the same, and this one has an index."""
    return Evaluation.finished_at.is_(None)


def under_way() -> ColumnElement[bool]:
    """Waits for a worker or is being judged."""
    return and_(live(), ~Evaluation.deferred)


def queued() -> ColumnElement[bool]:
    """Waits for a worker."""
    return and_(under_way(), Evaluation.status == Status.QUEUED.value)


def claimable(moment: datetime) -> ColumnElement[bool]:
    """Waits for a worker, and not for the end of a pause after a fault of the platform."""
    return and_(queued(), or_(Evaluation.ready_at.is_(None), Evaluation.ready_at <= moment))


def turn(session: Session, owner: User, track: Track) -> datetime:
    """The turn of an evaluation that is queued now."""
    last = session.scalar(
        select(func.max(Evaluation.turn_at))
        .join(Evaluation.submission)
        .where(queued(), Submission.user_id == owner.id, Evaluation.track == track.value)
    )
    weight = _WEIGHTS[track]
    if owner.reference and track is Track.SAMPLES:
        weight += _REFERENCE_WEIGHT
    return max(now(), last or now()) + weight


def urgency(track: Track, *, measured: bool, reference: bool) -> int:
    """The class of an evaluation, 0 for the most urgent one; see above.

    Args:
        track: its track.
        measured: whether its octaves are known.
        reference: whether it is one of the references' owner.
    """
    first = track is Track.OPEN and not measured
    return (0 if first else 2) + reference


def in_turn(query: Any) -> Any:
    """A `select` of evaluations, the next one first."""
    return query.order_by(Evaluation.urgency, Evaluation.turn_at, Evaluation.id)


def more_urgent_waits(session: Session, evaluation: Evaluation, attempts: int) -> bool:
    """Whether another evaluation, which can be claimed now, comes before the rest of this one.

    Among its equals an evaluation on the open track goes on: its rest is short, and the others' turns come.
    One on the samples track also lets those of its class go first whose turn is earlier: a target takes
    minutes.

    Args:
        session: reads; what the last stage found has to be flushed.
        evaluation: one that a worker holds.
        attempts: as for `next_claimable`.
    """
    before = Evaluation.urgency < evaluation.urgency
    if evaluation.track == Track.SAMPLES.value:
        equal = Evaluation.urgency == evaluation.urgency
        before = or_(before, and_(equal, Evaluation.turn_at < evaluation.turn_at))
    found = session.scalar(
        select(Evaluation.id)
        .join(Evaluation.submission)
        .where(
            claimable(monotonic_utcnow()),
            Evaluation.attempts < attempts,
            Submission.hidden_at.is_(None),
            before,
        )
        .limit(1)
    )
    return found is not None


def fits(machine: str) -> ColumnElement[bool]:
    """Whether a season's entries are judged on that class of machine; the samples track has both.

    A condition of a query that joins `SeasonRow`.
    """
    return or_(Evaluation.track == Track.SAMPLES.value, SeasonRow.judged_on.in_(("", machine)))


def next_claimable(session: Session, attempts: int, machine: str = CPU) -> int | None:
    """The evaluation whose turn it is, of a submission that is not hidden; None where none waits.

    One that was tried `attempts` times already is left out.
    On PostgreSQL it is locked, and what another worker is about to claim is skipped.
    """
    found: int | None = session.scalar(
        in_turn(select(Evaluation.id))
        .join(Evaluation.submission)
        .join(Evaluation.season)
        .where(
            claimable(monotonic_utcnow()),
            Evaluation.attempts < attempts,
            Submission.hidden_at.is_(None),
            fits(machine),
        )
        .limit(1)
        .with_for_update(of=Evaluation, skip_locked=True)
    )
    return found


def count_claimable(session: Session, most: int, machine: str = CPU) -> int:
    """How many evaluations a class of machine could claim now; no more than `most` are counted."""
    some = (
        select(Evaluation.id)
        .join(Evaluation.season)
        .where(claimable(monotonic_utcnow()), fits(machine))
        .limit(most)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def positions(session: Session, wanted: Collection[int] | None = None) -> dict[int, int]:
    """Places in the queue by evaluation, 1 for the next one: of the wanted ones that wait, or of all."""
    if wanted is not None:
        # Mostly asked for evaluations at the head of the queue.
        head = session.scalars(in_turn(select(Evaluation.id)).where(queued()).limit(2 * len(wanted))).all()
        found = {number: place for place, number in enumerate(head, 1) if number in wanted}
        if len(found) == len(wanted) or len(head) < 2 * len(wanted):
            return found
    place = func.row_number().over(order_by=(Evaluation.urgency, Evaluation.turn_at, Evaluation.id))
    numbered = select(Evaluation.id, place.label("place")).where(queued()).subquery()
    numbers = select(numbered.c.id, numbered.c.place)
    if wanted is not None:
        numbers = numbers.where(numbered.c.id.in_(wanted))
    return {row.id: row.place for row in session.execute(numbers)}
