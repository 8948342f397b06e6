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

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
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

# Evaluations that the expected wait is taken from.
_LATEST: Final = 20


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


@dataclass(frozen=True)
class Place:
    """Where an evaluation stands in the queue.

    Attributes:
        position: 1 for the next one.
        seconds: until it starts, from the latest durations.
    """

    position: int
    seconds: float


def place(session: Session, evaluation: Evaluation) -> Place | None:
    """The place of an evaluation; None for one that does not wait."""
    if evaluation.state is not Status.QUEUED or evaluation.deferred:
        return None
    key = tuple_(Evaluation.urgency, Evaluation.turn_at, Evaluation.id)
    ahead = _count_by_track(session, key < (evaluation.urgency, evaluation.turn_at, evaluation.id))
    return Place(1 + sum(ahead.values()), _seconds_until_free(session, ahead))


def expected_wait(session: Session) -> tuple[int, float]:
    """How many evaluations wait, and the seconds until one that is queued now starts."""
    ahead = _count_by_track(session, true())
    return sum(ahead.values()), _seconds_until_free(session, ahead)


def _count_by_track(session: Session, which: ColumnElement[bool]) -> dict[str, int]:
    count = func.count().label("waiting")
    rows = session.execute(select(Evaluation.track, count).where(queued(), which).group_by(Evaluation.track))
    return {row.track: row.waiting for row in rows}


def _seconds_until_free(session: Session, ahead: Mapping[str, int]) -> float:
    """Seconds until a worker has done what is running and so many evaluations of each track."""
    running = session.execute(
        select(Evaluation.track, Evaluation.claimed_at).where(
            live(), Evaluation.status != Status.QUEUED.value, Evaluation.claimed_at.is_not(None)
        )
    ).all()
    usual = {track: _usual_seconds(session, track) for track in {*ahead, *(track for track, _ in running)}}
    moment = now()
    rest = sum(max(0.0, usual[track] - (moment - begun).total_seconds()) for track, begun in running if begun)
    # As many workers as evaluations run now share the work.
    waiting = sum(count * usual[track] for track, count in ahead.items())
    return (rest + waiting) / max(1, len(running))


def _usual_seconds(session: Session, track: str) -> float:
    """Mean duration of the latest evaluations on a track; 0 where there is none yet."""
    latest = session.execute(
        select(Evaluation.claimed_at, Evaluation.finished_at)
        .where(
            Evaluation.track == track,
            Evaluation.claimed_at.is_not(None),
            Evaluation.finished_at.is_not(None),
        )
        .order_by(Evaluation.finished_at.desc())
        .limit(_LATEST)
    )
    durations = [(done - begun).total_seconds() for begun, done in latest if begun and done]
    return sum(durations) / max(1, len(durations))
