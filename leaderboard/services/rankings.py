"""Stored ranks: of each group of a season, by how many entries each one is beaten and how many it beats.

A rank is a range, from 1 + the number of entries that are significantly better to the number of those that
are not significantly worse. Both numbers are stored (`RankedEntry`). A verdict compares one entry with the
others and changes their numbers; nothing is ever ranked anew.

A group is what shares a ranking: those of one track, and on the samples track of one class of machine. In
each there are two rankings: of all entries, and of everybody's best one.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.metrics import compare_octaves
from challenge.scoring.tracks import BUDGETS, Track
from leaderboard.models import Evaluation, RankedEntry, ReportRow, SeasonRow, Submission, User
from leaderboard.services.reports import chain_sums

JUDGED: Final = (Status.SCORED, Status.REJECTED, Status.DISQUALIFIED)
# Ids in one statement.
_IDS: Final = 500


@dataclass(frozen=True)
class RankingGroup:
    """Whose results share a ranking: those of one track, and on the samples track of one class of machine."""

    track: Track = Track.OPEN
    machine: str = ""


OPEN: Final = RankingGroup()
GROUPS: Final = (OPEN, *(RankingGroup(Track.SAMPLES, machine) for machine in BUDGETS))


def in_group(season: SeasonRow, group: RankingGroup) -> ColumnElement[bool]:
    """Condition of a query on `RankedEntry`."""
    return (
        (RankedEntry.season_id == season.id)
        & (RankedEntry.track == group.track.value)
        & (RankedEntry.machine == group.machine)
    )


def standing_by(session: Session, season: SeasonRow, group: RankingGroup, submission_id: int) -> int | None:
    """The evaluation that a submission stands by: its newest judged one, or else its newest final one."""
    judged = [status.value for status in JUDGED]
    there = Evaluation.track == group.track.value
    if group.machine:
        # One that failed never came from any class of machine.
        there &= Evaluation.machine.is_(None) | (Evaluation.machine == group.machine)
    found: int | None = session.scalar(
        select(
            func.coalesce(
                func.max(case((Evaluation.status.in_(judged), Evaluation.id))), func.max(Evaluation.id)
            )
        ).where(
            Evaluation.submission_id == submission_id,
            Evaluation.season_id == season.id,
            Evaluation.finished_at.is_not(None),
            there,
        )
    )
    return found


def refresh(session: Session, submission: Submission, season: SeasonRow) -> None:
    """Bring the stored ranks of a season up to date with what a submission stands by now.

    Called in the transaction of whatever changes that: a verdict of judge or person, hiding, showing.
    """
    session.flush()
    _lock(session, season)
    for group in GROUPS:
        number = standing_by(session, season, group, submission.id) if submission.hidden_at is None else None
        evaluation = session.get(Evaluation, number) if number is not None else None
        wanted = number if evaluation is not None and evaluation.ranks else None
        stored = session.scalars(
            select(RankedEntry.evaluation_id).where(
                in_group(season, group), RankedEntry.submission_id == submission.id
            )
        ).all()
        for old in stored:
            if old != wanted:
                _remove(session, season, group, old)
        if evaluation is not None and wanted is not None and wanted not in stored:
            _insert(session, season, group, evaluation)


def withdraw(session: Session, submission: Submission) -> None:
    """Take a submission out of all rankings, before it is deleted."""
    for row in session.scalars(select(RankedEntry).where(RankedEntry.submission_id == submission.id)).all():
        season = session.get_one(SeasonRow, row.season_id)
        _lock(session, season)
        _remove(session, season, RankingGroup(Track(row.track), row.machine), row.evaluation_id)
    for season in session.scalars(
        select(SeasonRow)
        .join(Evaluation, Evaluation.season_id == SeasonRow.id)
        .where(Evaluation.submission_id == submission.id)
        .distinct()
    ):
        _lock(session, season)


def note_change(session: Session, season: SeasonRow) -> None:
    """Let boards of the season be read anew, where something that has no rank changes on them."""
    _lock(session, season)


def _lock(session: Session, season: SeasonRow) -> None:
    # On PostgreSQL two verdicts at once have to wait for each other; the version is for caches of boards.
    session.execute(
        update(SeasonRow)
        .where(SeasonRow.id == season.id)
        .values(board_version=SeasonRow.board_version + 1)
        .execution_options(synchronize_session=False)
    )
    session.expire(season, ["board_version"])


@dataclass(frozen=True)
class _Others:
    """The entries of a group besides one."""

    ids: NDArray[np.int64]
    best: NDArray[np.bool_]
    octaves_by_chain: NDArray[np.float64]


def _others(session: Session, season: SeasonRow, group: RankingGroup, own: int) -> _Others:
    rows = session.execute(
        select(RankedEntry.evaluation_id, RankedEntry.best, RankedEntry.octaves_by_chain).where(
            in_group(season, group), RankedEntry.evaluation_id != own
        )
    ).all()
    return _Others(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=bool),
        np.frombuffer(b"".join(row[2] for row in rows), dtype="<f8").reshape(len(rows), -1)
        if rows
        else np.empty((0, 0)),
    )


def _compared(
    session: Session, season: SeasonRow, group: RankingGroup, row: RankedEntry
) -> tuple[_Others, Any]:
    others = _others(session, season, group, row.evaluation_id)
    if not len(others.ids):
        return others, np.empty(0, np.int8)
    return others, compare_octaves(np.frombuffer(row.octaves_by_chain, "<f8"), others.octaves_by_chain)


def _count(session: Session, ids: NDArray[np.int64], column: Any, change: int) -> None:
    """Add `change` to a column of these entries."""
    for start in range(0, len(ids), _IDS):
        session.execute(
            update(RankedEntry)
            .where(RankedEntry.evaluation_id.in_(ids[start : start + _IDS].tolist()))
            .values({column: column + change})
            .execution_options(synchronize_session=False)
        )


def new_entry(evaluation: Evaluation, report: ReportRow, group: RankingGroup) -> RankedEntry | None:
    """The row of an evaluation in a group, not compared with anything yet; None without figures."""
    if evaluation.octaves is None:
        return None
    return RankedEntry(
        evaluation_id=evaluation.id,
        submission_id=evaluation.submission_id,
        season_id=evaluation.season_id,
        track=group.track.value,
        machine=group.machine,
        user_id=evaluation.submission.user_id,
        octaves=evaluation.octaves,
        octaves_by_chain=chain_sums(report).astype("<f8").tobytes(),
        best=False,
        better=0,
        worse=0,
        better_best=0,
        worse_best=0,
    )


def _insert(session: Session, season: SeasonRow, group: RankingGroup, evaluation: Evaluation) -> None:
    report = session.get(ReportRow, evaluation.id)
    row = new_entry(evaluation, report, group) if report is not None else None
    if row is None:
        # The schema asks for octaves, and a report is stored with them: nothing to compare without.
        return
    others, sign = _compared(session, season, group, row)
    row.better, row.worse = int((sign < 0).sum()), int((sign > 0).sum())
    session.add(row)
    session.flush()
    _count(session, others.ids[sign > 0], RankedEntry.better, 1)
    _count(session, others.ids[sign < 0], RankedEntry.worse, 1)
    _choose_best(session, season, group, row.user_id, (others, sign))


def _remove(session: Session, season: SeasonRow, group: RankingGroup, evaluation_id: int) -> None:
    row = session.get_one(RankedEntry, evaluation_id)
    if row.best:
        _set_best(session, season, group, row, best=False)
    others, sign = _compared(session, season, group, row)
    _count(session, others.ids[sign > 0], RankedEntry.better, -1)
    _count(session, others.ids[sign < 0], RankedEntry.worse, -1)
    session.execute(delete(RankedEntry).where(RankedEntry.evaluation_id == evaluation_id))
    session.expunge(row)
    _choose_best(session, season, group, row.user_id)


def _choose_best(
    session: Session,
    season: SeasonRow,
    group: RankingGroup,
    user_id: int,
    compared: tuple[_Others, NDArray[np.int8]] | None = None,
) -> None:
    """Let a person's best entry take part in the ranking of the best, and no other one of theirs.

    `compared` is how an only entry of a person compares with the others, where that is known already.
    """
    rows = session.scalars(
        select(RankedEntry)
        .where(in_group(season, group), RankedEntry.user_id == user_id)
        .order_by(RankedEntry.octaves.desc(), RankedEntry.evaluation_id)
        .execution_options(populate_existing=True)
    ).all()
    reference = session.get_one(User, user_id).reference
    for place, row in enumerate(rows):
        best = place == 0 or reference
        if row.best != best:
            known = compared if len(rows) == 1 else None
            _set_best(session, season, group, row, best=best, compared=known)


def _set_best(
    session: Session,
    season: SeasonRow,
    group: RankingGroup,
    row: RankedEntry,
    *,
    best: bool,
    compared: tuple[_Others, NDArray[np.int8]] | None = None,
) -> None:
    others, sign = compared or _compared(session, season, group, row)
    change = 1 if best else -1
    _count(session, others.ids[others.best & (sign > 0)], RankedEntry.better_best, change)
    _count(session, others.ids[others.best & (sign < 0)], RankedEntry.worse_best, change)
    session.execute(
        update(RankedEntry)
        .where(RankedEntry.evaluation_id == row.evaluation_id)
        .values(
            best=best,
            better_best=int((others.best & (sign < 0)).sum()) if best else 0,
            worse_best=int((others.best & (sign > 0)).sum()) if best else 0,
        )
        .execution_options(synchronize_session=False)
    )
    session.expire(row)
