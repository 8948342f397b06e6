"""Ranks with ties, of whichever evaluations stand on a board, and which entries were records."""

import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from challenge.scoring.metrics import interval, ranks_of_sums
from leaderboard.models import ReportRow
from leaderboard.services.reports import skill_table

_KEPT = 8


class _Known:
    """What was computed of one database's reports, which never change.

    Octaves by chain are kept of every evaluation, half a kilobyte each, so that a new entry costs one row.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sums: dict[int, NDArray[np.float64]] = {}
        self.ranks: LRUCache[tuple[int, ...], list[tuple[int, int]]] = LRUCache(_KEPT)


# Ids are unique within one database only.
_known: WeakKeyDictionary[Engine, _Known] = WeakKeyDictionary()


def _of(session: Session) -> _Known:
    return _known.setdefault(session.get_bind().engine, _Known())


def ranks(session: Session, ids: Sequence[int]) -> list[tuple[int, int]]:
    """The rank of each of these evaluations among them, as a range."""
    known, key = _of(session), tuple(ids)
    with known.lock:
        if key not in known.ranks:
            sums = _sums(session, known, key)
            known.ranks[key] = ranks_of_sums(np.array([sums[i] for i in key]))
        return known.ranks[key]


def _sums(session: Session, known: _Known, ids: Sequence[int]) -> dict[int, NDArray[np.float64]]:
    missing = [i for i in ids if i not in known.sums]
    for start in range(0, len(missing), 500):
        rows = session.execute(
            select(ReportRow.evaluation_id, ReportRow.skill, ReportRow.skill_by_chain).where(
                ReportRow.evaluation_id.in_(missing[start : start + 500])
            )
        )
        for number, skill, by_chain in rows:
            known.sums[number] = skill_table(by_chain, len(skill) // 8).sum(axis=1)
    return known.sums


def beats(session: Session, one: int, other: int) -> bool:
    """Whether an evaluation is significantly better than another of the same season."""
    known = _of(session)
    with known.lock:
        sums = _sums(session, known, (one, other))
    return interval(sums[one] - sums[other])[0] > 0


def skills(session: Session, ids: Sequence[int]) -> dict[int, list[float]]:
    """Skill by octave of each of these evaluations."""
    rows = session.execute(
        select(ReportRow.evaluation_id, ReportRow.skill).where(ReportRow.evaluation_id.in_(ids))
    )
    return {number: skill_table(stored, 1)[:, 0].tolist() for number, stored in rows}
