"""What people who run the board set while it runs: whether judging is paused."""

from typing import Final

from sqlalchemy.orm import Session

from leaderboard.errors import conflict
from leaderboard.models import SettingRow

_PAUSED: Final = "paused"


def pause(session: Session, reason: str) -> None:
    """Give out no evaluation any more; what workers have is finished. Refused with 409 where it is so."""
    if paused(session) is not None:
        raise conflict("paused", "Judging is paused already.")
    session.add(SettingRow(name=_PAUSED, value=reason.replace("\0", "")[:400]))
    session.flush()


def resume(session: Session) -> None:
    """Give out evaluations again; Refused with 409 where nothing was paused."""
    row = session.get(SettingRow, _PAUSED)
    if row is None:
        raise conflict("not_paused", "Judging is not paused.")
    session.delete(row)
    session.flush()


def paused(session: Session) -> str | None:
    """Why judging is paused, '' for no reason given; None where it is not."""
    row = session.get(SettingRow, _PAUSED)
    return None if row is None else row.value
