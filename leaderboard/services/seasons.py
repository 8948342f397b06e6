"""Seasons: practice, and those that are ranked, which open and close by people or by dates.

A bundle belongs to the season that is open when it is submitted. When a season has closed
and every submission has its verdict, its secret is published; from then on it is frozen.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from challenge.scoring.season import PRACTICE, Season
from challenge.scoring.tracks import Track
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Evaluation, SeasonRow
from leaderboard.services.queue_order import under_way


def open_season(
    session: Session,
    config: Config,
    name: str,
    *,
    season: Season | None = None,
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
    judged_on: str = "",
) -> SeasonRow:
    """Open a ranked season with a fresh secret, now or at a date.

    Args:
        session: writes.
        config: the size of its evaluation sets, and the budgets of the samples track.
        name: a name that no season had.
        season: a name and a secret; None for a fresh secret.
        opens_at: when it opens; None or a moment in the past for now.
        closes_at: when it closes; None for when a person closes it.
        judged_on: the class of machine that judges its open track; '' for any.

    Raises:
        Refused: 409 where one is open, where the dates overlap those of another season, or where the name is
            taken; 422 where it would close before it opens.
    """
    advance(session)
    season = season or Season.open(name)
    scheduled = opens_at if opens_at is not None and opens_at > now() else None
    if closes_at is not None and closes_at <= (scheduled or now()):
        raise Refused(422, "season_dates", "A season closes after it opens, and in the future.")
    _check_free(session, scheduled, closes_at)
    row = _row(season, config, ranked=True)
    row.opens_at, row.closes_at, row.judged_on = scheduled, closes_at, judged_on
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        current = current_season(session)
        if current is not None and scheduled is None:
            raise conflict("season_open", f"Season {current.name} is still open; close it first.") from error
        raise conflict("name_taken", f"There was already a season called {name}.") from error
    return row


def _check_free(session: Session, opens_at: datetime | None, closes_at: datetime | None) -> None:
    """Refused where another season is open or scheduled between these moments."""
    start = opens_at or now()
    for other in session.scalars(select(SeasonRow).where(SeasonRow.ranked, SeasonRow.closed_at.is_(None))):
        if opens_at is None and other.opens_at is None:
            raise conflict("season_open", f"Season {other.name} is still open; close it first.")
        begins = other.opens_at or other.opened_at
        before = closes_at is not None and closes_at <= begins
        after = other.closes_at is not None and other.closes_at <= start
        if not (before or after):
            until = f"until {other.closes_at:%Y-%m-%d %H:%M} UTC" if other.closes_at else "until it is closed"
            raise conflict(
                "season_dates",
                f"Season {other.name} is open from {begins:%Y-%m-%d %H:%M} UTC {until}, at the same time.",
            )


def advance(session: Session) -> None:
    """Let the dates take effect: close and open seasons whose moment has come, and publish secrets."""
    moment = now()
    due = session.scalars(
        select(SeasonRow)
        .where(SeasonRow.ranked, SeasonRow.revealed_at.is_(None))
        .order_by(SeasonRow.opens_at, SeasonRow.id)
    ).all()
    for row in due:
        if row.closed_at is None and row.closes_at is not None and row.closes_at <= moment:
            row.closed_at = row.closes_at
    session.flush()
    for row in due:
        if row.closed_at is None and row.opens_at is not None and row.opens_at <= moment:
            row.opened_at, row.opens_at = row.opens_at, None
            session.flush()
        if row.closed_at is not None and not waiting(session, row):
            row.revealed_at = moment
    session.flush()


def waiting(session: Session, row: SeasonRow) -> int:
    """How many evaluations of a season are to get their verdict."""
    return (
        session.scalar(
            select(func.count()).select_from(Evaluation).where(Evaluation.season_id == row.id, under_way())
        )
        or 0
    )


def _row(season: Season, config: Config, *, ranked: bool) -> SeasonRow:
    return SeasonRow(
        name=season.name,
        secret=season.secret,
        commitment=season.commitment,
        ranked=ranked,
        chains=config.chains,
        octaves=config.octaves,
        points=config.points,
        samples=config.samples,
        cpu_seconds=config.samples_seconds,
        gpu_seconds=config.samples_gpu_seconds,
    )


def current_season(session: Session) -> SeasonRow | None:
    """The ranked season that is open at this moment."""
    moment = now()
    return session.scalar(
        select(SeasonRow).where(
            SeasonRow.ranked,
            SeasonRow.closed_at.is_(None),
            or_(SeasonRow.opens_at.is_(None), SeasonRow.opens_at <= moment),
            or_(SeasonRow.closes_at.is_(None), SeasonRow.closes_at > moment),
        )
    )


def find_season(session: Session, name: str) -> SeasonRow:
    """The season of that name; Refused with 404."""
    # PostgreSQL has no place for the zero character, not even in a question.
    row = None if "\0" in name else session.scalar(select(SeasonRow).where(SeasonRow.name == name))
    if row is None:
        raise not_found("season")
    return row


def list_seasons(session: Session) -> list[SeasonRow]:
    """All of them, the newest first."""
    return list(session.scalars(select(SeasonRow).order_by(SeasonRow.id.desc())))


def close_season(session: Session, name: str) -> SeasonRow:
    """Close a season now. Its secret is published after the last verdict, at once if nothing waits."""
    row = find_season(session, name)
    if not row.ranked:
        raise conflict("season_practice", "The practice season is always there and never closes.")
    if row.closed_at is not None:
        raise conflict("season_closed", f"Season {name} is closed already.")
    row.closed_at = now()
    session.flush()
    advance(session)
    return row


def ensure_seasons(session: Session, config: Config) -> tuple[SeasonRow | None, bool]:
    """Register the practice season, and open a first ranked season where there has never been one.

    Returns:
        The open season, if there is one, and whether it is new.
    """
    if session.scalar(select(SeasonRow).where(SeasonRow.name == PRACTICE.name)) is None:
        session.add(_row(PRACTICE, config, ranked=False))
        session.flush()
    advance(session)
    if session.scalar(select(SeasonRow.id).where(SeasonRow.ranked).limit(1)) is None:
        return open_season(session, config, "season-1"), True
    return current_season(session), False


def to_public_dict(row: SeasonRow) -> dict[str, Any]:
    """A season as everybody may see it: the secret only when it has been published."""
    return {
        "name": row.name,
        "state": row.state,
        "commitment": row.commitment,
        "secret": row.secret.hex() if row.revealed else None,
        "size": asdict(row.size()),
        "samples": {"count": row.samples, "seconds": row.budgets, "size": asdict(row.size(Track.SAMPLES))},
        "opened_at": row.opened_at.isoformat(timespec="seconds"),
        "opens_at": row.opens_at and row.opens_at.isoformat(timespec="seconds"),
        "closes_at": row.closes_at and row.closes_at.isoformat(timespec="seconds"),
        "closed_at": row.closed_at and row.closed_at.isoformat(timespec="seconds"),
    }
