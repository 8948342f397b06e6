"""The machines that judge, and what is in force on them, in their own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from challenge.results.worker_info import WorkerInfo
from leaderboard.clock import monotonic_utcnow
from leaderboard.db import now
from leaderboard.errors import Refused
from leaderboard.models import Evaluation, MachineRow, Token
from leaderboard.services import settings
from leaderboard.services.queue_order import claimable, live

_REMEMBERED: Final = timedelta(days=30)
# A worker that is there takes what waits within seconds.
_SOON: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Seen:
    """Machines that are alike.

    Attributes:
        machine: the last heard of.
        count: how many.
        at: when the last of them was heard of.
        slowest: the least of their speeds; 0 where none is known.
        fastest: the greatest.
    """

    machine: WorkerInfo
    count: int
    at: datetime
    slowest: float
    fastest: float

    @property
    def speeds(self) -> str:
        """Their speeds in words; "" where none is known."""
        if self.slowest == self.fastest:
            return f"{self.fastest:g}" if self.fastest else ""
        return f"{self.slowest:g} to {self.fastest:g}"


def introduce(session: Session, token: Token, values: Any) -> None:
    """Note what a worker says of its machine; Refused with 422 where it says nothing of the kind."""
    try:
        machine = WorkerInfo.from_dict(values)
    except ValueError as error:
        raise Refused(422, "machine_invalid", f"The machine cannot be noted: {error}.") from error
    row = find(session, token, machine.name)
    if row is None:
        try:
            with session.begin_nested():
                session.add(MachineRow(token_id=token.id, name=machine.name, body=""))
        except IntegrityError:
            # The same machine, at the same time: either word is good.
            pass
        row = find(session, token, machine.name)
        assert row is not None
    row.body = machine.to_json().replace("\\u0000", "")
    row.seen_at = now()
    # One that is stopped stays so, however long nobody hears of it.
    forgotten = (MachineRow.seen_at < now() - _REMEMBERED) & MachineRow.stopped_at.is_(None)
    session.execute(delete(MachineRow).where(forgotten))


def find(session: Session, token: Token, name: str) -> MachineRow | None:
    """The machine of that name whose worker has that token; None where it has not told of itself."""
    return session.scalar(select(MachineRow).where(MachineRow.token_id == token.id, MachineRow.name == name))


def _rows(session: Session) -> Sequence[MachineRow]:
    """The last heard of first."""
    return session.scalars(select(MachineRow).order_by(MachineRow.seen_at.desc()).limit(200)).all()


def absence(session: Session) -> str:
    """Why nobody judges, in a sentence; "" where an evaluator is at work, or nothing says that none is."""
    reason = settings.paused(session)
    if reason is not None:
        return f"Judging is paused by the people who run this board. {reason}".strip()
    moment = monotonic_utcnow()
    at_work = select(Evaluation.id).where(live(), Evaluation.lease_until > moment).limit(1)
    if session.scalar(at_work) is not None:
        return ""
    late = select(Evaluation.id).where(claimable(moment), Evaluation.queued_at < now() - _SOON).limit(1)
    waits = session.scalar(late) is not None
    rows = _rows(session)
    if not rows:
        return "No evaluator has reported to this board yet, and entries wait for one." if waits else ""
    if waits and all(row.stopped_at is not None for row in rows):
        return "All evaluators are stopped: each judged a known entry otherwise than it was judged before."
    newest = WorkerInfo.from_json(rows[0].body)
    if newest.unable and (waits or all(WorkerInfo.from_json(row.body).unable for row in rows)):
        return f"No evaluator can judge on this machine: {newest.unable}"
    if waits and not newest.unable and rows[0].seen_at < now() - _SOON:
        return (
            "No evaluator is at work: the last one was heard of on "
            f"{rows[0].seen_at:%Y-%m-%d at %H:%M} UTC, and entries wait."
        )
    return ""


def seen(session: Session) -> list[Seen]:
    """Those that could judge in the last thirty days, the last heard of first; alike ones together."""
    alike: dict[str, list[tuple[WorkerInfo, datetime]]] = {}
    for row in _rows(session):
        machine = WorkerInfo.from_json(row.body)
        if machine.unable:
            continue
        alike.setdefault(machine.without_name, []).append((machine, row.seen_at))
    return [_together(found) for found in alike.values()]


def _together(found: Sequence[tuple[WorkerInfo, datetime]]) -> Seen:
    machine, at = found[0]
    speeds = [one.speed for one, _ in found if one.speed] or [0.0]
    return Seen(machine, len(found), at, min(speeds), max(speeds))


def least_speeds(session: Session, since: datetime) -> dict[str, float]:
    """The speed of the slowest machine of each class that was heard of since, where speeds are known."""
    least: dict[str, float] = {}
    for body in session.scalars(select(MachineRow.body).where(MachineRow.seen_at > since)):
        machine = WorkerInfo.from_json(body)
        if machine.speed and not machine.unable:
            name = machine.machine_class
            least[name] = min(machine.speed, least.get(name, machine.speed))
    return least
