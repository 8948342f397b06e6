"""Ranks of a whole season from its evaluations: for databases of earlier versions, and as a check."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.metrics import ranks_of_sums
from leaderboard.models import Evaluation, RankedEntry, ReportRow, SeasonRow, Submission
from leaderboard.services.rankings import GROUPS, RankingGroup, new_entry, note_change, standing_by


def rebuild(session: Session, season: SeasonRow) -> int:
    """Rank a season anew, from its evaluations; how many entries rank.

    For databases of earlier versions, and as a check. It costs the square of the number of entries.
    """
    note_change(session, season)
    session.execute(delete(RankedEntry).where(RankedEntry.season_id == season.id))
    count = 0
    for group in GROUPS:
        rows = _unranked_rows(session, season, group)
        _store_ranges(rows, "better", "worse")
        seen: set[int] = set()
        for row, reference in rows:
            row.best = reference or row.user_id not in seen
            seen.add(row.user_id)
        _store_ranges([found for found in rows if found[0].best], "better_best", "worse_best")
        session.add_all(row for row, _ in rows)
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
        row = new_entry(evaluation, report, group)
        session.expunge(report)
        if row is not None:
            rows.append((row, submission.user.reference))
    return sorted(rows, key=lambda found: (-found[0].octaves, found[0].evaluation_id))


def _store_ranges(rows: Sequence[tuple[RankedEntry, bool]], better: str, worse: str) -> None:
    sums = np.array([np.frombuffer(row.octaves_by_chain, "<f8") for row, _ in rows])
    for (row, _), (low, high) in zip(rows, ranks_of_sums(sums), strict=True):
        setattr(row, better, low - 1)
        setattr(row, worse, len(rows) - high)


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
