"""The machines that judge, and what is in force on them, in their own words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from challenge.results.worker_info import WorkerInfo
from leaderboard.db import now
from leaderboard.errors import Refused
from leaderboard.models import MachineRow, Token

_REMEMBERED: Final = timedelta(days=30)


@dataclass(frozen=True)
class Seen:
    """Machines that are alike: how many, and when the last of them was heard of."""

    machine: WorkerInfo
    count: int
    at: datetime


def introduce(session: Session, token: Token, values: Any) -> None:
    """Note what a worker says of its machine; Refused with 422 where it says nothing of the kind."""
    try:
        machine = WorkerInfo.from_dict(values)
    except ValueError as error:
        raise Refused(422, "machine_invalid", f"The machine cannot be noted: {error}.") from error
    row = _find(session, token, machine.name)
    if row is None:
        try:
            with session.begin_nested():
                session.add(MachineRow(token_id=token.id, name=machine.name, body=""))
        except IntegrityError:
            # The same machine, at the same time: either word is good.
            pass
        row = _find(session, token, machine.name)
        assert row is not None
    row.body = machine.to_json().replace("\\u0000", "")
    row.seen_at = now()
    session.execute(delete(MachineRow).where(MachineRow.seen_at < now() - _REMEMBERED))


def _find(session: Session, token: Token, name: str) -> MachineRow | None:
    return session.scalar(select(MachineRow).where(MachineRow.token_id == token.id, MachineRow.name == name))


def seen(session: Session) -> list[Seen]:
    """Those of the last thirty days, the last heard of first; those that are alike together."""
    rows = session.scalars(select(MachineRow).order_by(MachineRow.seen_at.desc()).limit(200)).all()
    alike: dict[str, list[tuple[WorkerInfo, datetime]]] = {}
    for row in rows:
        machine = WorkerInfo.from_json(row.body)
        alike.setdefault(machine.without_name, []).append((machine, row.seen_at))
    return [Seen(found[0][0], len(found), found[0][1]) for found in alike.values()]
