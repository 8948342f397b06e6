"""Seasons: the open one, the practice season, and opening and closing."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from challenge.scoring.season import PRACTICE, Season
from challenge.scoring.tracks import Track
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import conflict, not_found
from leaderboard.models import SeasonRow


def open_season(session: Session, config: Config, name: str, *, season: Season | None = None) -> SeasonRow:
    """Open a ranked season with a fresh secret; Refused while one is open, or where the name is taken."""
    season = season or Season.open(name)
    row = _row(season, config, ranked=True)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        current = current_season(session)
        if current is not None:
            raise conflict("season_open", f"Season {current.name} is still open; close it first.") from error
        raise conflict("name_taken", f"There was already a season called {name}.") from error
    return row


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
    """The open ranked season."""
    return session.scalar(select(SeasonRow).where(SeasonRow.ranked, SeasonRow.closed_at.is_(None)))


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
    """Close a season: from now on its secret is public."""
    row = find_season(session, name)
    if not row.ranked:
        raise conflict("season_practice", "The practice season is always there and never closes.")
    if row.closed_at is not None:
        raise conflict("season_closed", f"Season {name} is closed already.")
    row.closed_at = now()
    return row


def ensure_seasons(session: Session, config: Config) -> tuple[SeasonRow, bool]:
    """Register the practice season, and open a hidden one where none is open.

    Returns:
        The open season, and whether it is new.
    """
    if session.scalar(select(SeasonRow).where(SeasonRow.name == PRACTICE.name)) is None:
        session.add(_row(PRACTICE, config, ranked=False))
        session.flush()
    current = current_season(session)
    if current is not None:
        return current, False
    names = {row.name for row in list_seasons(session)}
    name = next(f"season-{n}" for n in range(1, len(names) + 2) if f"season-{n}" not in names)
    return open_season(session, config, name), True


def to_public_dict(row: SeasonRow) -> dict[str, Any]:
    """A season as everybody may see it: the secret only when it is closed, or was never one."""
    return {
        "name": row.name,
        "state": row.state,
        "commitment": row.commitment,
        "secret": None if row.state == "open" else row.secret.hex(),
        "size": asdict(row.size()),
        "samples": {"count": row.samples, "seconds": row.budgets, "size": asdict(row.size(Track.SAMPLES))},
        "opened_at": row.opened_at.isoformat(timespec="seconds"),
        "closed_at": row.closed_at and row.closed_at.isoformat(timespec="seconds"),
    }
