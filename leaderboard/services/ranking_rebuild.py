"""Ranks of a whole season from its evaluations: for databases of earlier versions, and as a check."""

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from leaderboard.models import Evaluation, RankedEntry, RankTable, ReportRow, SeasonRow, Submission
from leaderboard.services.rankings import (
    ALL,
    BEST,
    GROUPS,
    RankingGroup,
    count_all,
    new_entry,
    new_table,
    note_change,
    standing_by,
)


def rebuild(session: Session, season: SeasonRow) -> int:
    """Rank a season anew, from its evaluations; how many entries rank.

    For databases of earlier versions, and as a check. It costs the square of the number of entries.
    """
    note_change(session, season)
    session.execute(delete(RankedEntry).where(RankedEntry.season_id == season.id))
    session.execute(delete(RankTable).where(RankTable.season_id == season.id))
    count = 0
    for group in GROUPS:
        rows = _unranked_rows(session, season, group)
        seen: set[int] = set()
        for row, reference in rows:
            row.best = reference or row.user_id not in seen
            seen.add(row.user_id)
        every = sorted((row for row, _ in rows), key=lambda row: row.evaluation_id)
        for entries, some in ((ALL, every), (BEST, [row for row in every if row.best])):
            ids = np.array([row.evaluation_id for row in some], dtype=np.int64)
            octaves = np.array([np.frombuffer(row.octaves_by_chain, "<f8") for row in some])
            session.add(new_table(season, group, entries, count_all(ids, octaves)))
        session.add_all(every)
        session.flush()
        count += len(rows)
    return count


def _unranked_rows(
    session: Session, season: SeasonRow, group: RankingGroup
) -> list[tuple[RankedEntry, bool]]:
    """Rows of what ranks in a group, the best first, and whether each is a reference's."""
    submissions = session.scalars(
        select(Submission).where(
            Submission.hidden_at.is_(None),
            Submission.evaluations.any(
                (Evaluation.season_id == season.id)
                & (Evaluation.track == group.track.value)
                & (Evaluation.status == Status.SCORED.value)
            ),
        )
    ).all()
    rows = []
    for submission in submissions:
        number = standing_by(session, season, group, submission.id)
        evaluation = session.get(Evaluation, number) if number is not None else None
        report = session.get(ReportRow, number) if evaluation is not None and evaluation.ranks else None
        if evaluation is None or report is None:
            continue
        rows.append((new_entry(evaluation, report, group), submission.user.reference))
        session.expunge(report)
    return sorted(rows, key=lambda found: (-found[0].octaves, found[0].evaluation_id))


def ensure(session: Session) -> None:
    """Rank the seasons that an earlier version left without stored ranks."""
    for season in session.scalars(select(SeasonRow)).all():
        known = session.scalar(
            select(RankedEntry.evaluation_id).where(RankedEntry.season_id == season.id).limit(1)
        )
        scored = session.scalar(
            select(Evaluation.id)
            .where(Evaluation.season_id == season.id, Evaluation.status == Status.SCORED.value)
            .limit(1)
        )
        if known is None and scored is not None:
            rebuild(session, season)
