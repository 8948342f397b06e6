"""What is asked of stored ranks: who is better than whom, and by how much in which octave."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.scoring.metrics import interval
from leaderboard.models import RankedEntry, ReportRow
from leaderboard.services.reports import skill_table


def octaves_by_chain(session: Session, ids: Sequence[int]) -> dict[int, NDArray[np.float64]]:
    """Octaves by chain of evaluations that rank."""
    rows = session.execute(
        select(RankedEntry.evaluation_id, RankedEntry.octaves_by_chain).where(
            RankedEntry.evaluation_id.in_(ids)
        )
    )
    return {number: np.frombuffer(stored, "<f8") for number, stored in rows}


def is_better(session: Session, one: int, other: int) -> bool:
    """Whether an evaluation that ranks is significantly better than another of its group, by their ids."""
    sums = octaves_by_chain(session, (one, other))
    return interval(sums[one] - sums[other])[0] > 0


def skills(session: Session, ids: Sequence[int]) -> dict[int, list[float]]:
    """Skill by octave of each of these evaluations."""
    rows = session.execute(
        select(ReportRow.evaluation_id, ReportRow.skill).where(ReportRow.evaluation_id.in_(ids))
    )
    return {number: skill_table(stored, 1)[:, 0].tolist() for number, stored in rows}
