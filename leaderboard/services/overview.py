"""A board as its operators see it: queue, workers, faults, people, storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import EXPLANATIONS, Reason
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.models import Artifact, Evaluation, MachineRow, Submission, User
from leaderboard.services import canaries, evaluations, machines, people, queue_order, settings
from leaderboard.storage import storage_of

_DAYS = 7
_SHOWN = 50
_VERDICTS = 15


@dataclass(frozen=True)
class Fault:
    """How often evaluations ended for one reason."""

    reason: str
    sentence: str
    fault: str
    count: int
    last: datetime


@dataclass(frozen=True)
class Live:
    """An evaluation that is not final; `position` is None while a worker has it."""

    evaluation: Evaluation
    position: int | None


@dataclass(frozen=True)
class Overview:
    """All that the page shows.

    Attributes:
        paused: why judging is paused; None where it is not.
        live: what is under way and waits next, `total` of them in all.
        workers: machines that could judge in the last thirty days.
        stopped: machines that get no work until they are released.
        canaries: how many were judged in the last thirty days.
        verdicts: the latest, with the speed of the machine that each came from.
        faults: of the last seven days, the most frequent first.
        people: who came last.
        storage: where bundles and pictures are, and the bytes of each.
    """

    paused: str | None
    live: tuple[Live, ...]
    total: int
    workers: Sequence[machines.Seen]
    stopped: Sequence[MachineRow]
    canaries: int
    verdicts: Sequence[Evaluation]
    faults: tuple[Fault, ...]
    people: tuple[people.ListedUser, ...]
    people_total: int
    storage: str
    bundle_bytes: int
    picture_bytes: int
    pictures: int


def overview(session: Session, config: Config) -> Overview:
    """How a board stands now."""
    live = evaluations.list_live(session)
    shown = live[:_SHOWN]
    places = queue_order.positions(session, [one.id for one in shown])
    # One bundle may be submitted by several people, and is stored once.
    bundles = select(func.max(Submission.bytes).label("bytes")).group_by(Submission.digest).subquery()
    pictures, picture_bytes = session.execute(
        select(func.count(), func.coalesce(func.sum(Artifact.bytes), 0)).select_from(Artifact)
    ).one()
    return Overview(
        paused=settings.paused(session),
        live=tuple(Live(one, places.get(one.id)) for one in shown),
        total=len(live),
        workers=machines.seen(session),
        stopped=canaries.stopped(session),
        canaries=canaries.answered(session),
        verdicts=evaluations.latest_verdicts(session, _VERDICTS),
        faults=_faults(session),
        people=tuple(people.list_users(session, newest=_SHOWN)),
        people_total=session.scalar(select(func.count()).select_from(User)) or 0,
        storage=storage_of(config).name,
        bundle_bytes=session.scalar(select(func.coalesce(func.sum(bundles.c.bytes), 0))) or 0,
        picture_bytes=picture_bytes,
        pictures=pictures,
    )


def _faults(session: Session) -> tuple[Fault, ...]:
    rows = session.execute(
        select(Evaluation.reason, Evaluation.fault, func.count(), func.max(Evaluation.finished_at))
        .where(Evaluation.finished_at > now() - timedelta(days=_DAYS), Evaluation.reason.is_not(None))
        .group_by(Evaluation.reason, Evaluation.fault)
        .order_by(func.count().desc())
    )
    return tuple(
        Fault(reason, EXPLANATIONS[Reason(reason)].sentence, fault or "", count, last)
        for reason, fault, count, last in rows
        if reason is not None and last is not None
    )
