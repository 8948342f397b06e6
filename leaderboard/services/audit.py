"""The audit log: who did what to people, entries and seasons."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.models import AuditRow


def record(session: Session, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Add a line, in the transaction of what it tells of."""
    session.add(AuditRow(actor=actor[:100], action=action[:40], subject=subject[:200], detail=detail[:2000]))


def latest(session: Session, count: int) -> Sequence[AuditRow]:
    """The last lines, the newest first."""
    return session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(count)).all()


def to_dict(row: AuditRow) -> dict[str, Any]:
    """Plain values that JSON can hold."""
    return {
        "at": row.at.isoformat(timespec="seconds"),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }
