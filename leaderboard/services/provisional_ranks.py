"""The rank that an entry would have whose octaves are measured and whose verdict is still to come."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from challenge.scoring.metrics import compare_octaves
from leaderboard.models import RankedEntry, ReportRow, SeasonRow
from leaderboard.services.rankings import RankingGroup, in_group
from leaderboard.services.reports import chain_sums

# How evaluations compare with others: 9 bytes for each pair, 12 MB with 10,000 entries.
_MOST_KEPT: Final = 128
_lock = threading.Lock()
_Key = tuple[Engine, int, str]
_Known = tuple[NDArray[np.int64], NDArray[np.int8]]
_known: LRUCache[_Key, _Known] = LRUCache(_MOST_KEPT)


@dataclass(frozen=True)
class Waiting:
    """An evaluation without a verdict.

    Attributes:
        owner: whose best entry alone ranks; 0 where all of them do.
    """

    evaluation_id: int
    owner: int
    octaves: float


def ranks(
    session: Session,
    season: SeasonRow,
    group: RankingGroup,
    ranked: NDArray[np.int64],
    waiting: Sequence[Waiting],
    asked: Sequence[int],
) -> dict[int, tuple[int, int]]:
    """The rank of each, as a range, among those that rank and the others that wait.

    What is measured does not change, so that each pair is compared once for all requests.

    Args:
        session: reads.
        season: the season.
        group: whose ranking.
        ranked: ids of the evaluations that rank, ascending.
        waiting: all that wait for their verdict.
        asked: which of them are shown.
    """
    reports = list(
        session.scalars(
            select(ReportRow).where(ReportRow.evaluation_id.in_([one.evaluation_id for one in waiting]))
        )
    )
    others = _Others(session, season, group, reports)
    owners = {one.evaluation_id: one.owner for one in waiting}
    field = _field(session, season, group, ranked, waiting)
    found = {}
    for row in reports:
        if row.evaluation_id not in asked:
            continue
        owner = owners[row.evaluation_id]
        # Whom it would stand in for does not rank beside it.
        rivals = [
            one for one, whose in field.items() if one != row.evaluation_id and (not owner or whose != owner)
        ]
        key = (session.get_bind().engine, row.evaluation_id, row.digest)
        signs = _compared(key, chain_sums(row), np.array(sorted(rivals), dtype=np.int64), others)
        found[row.evaluation_id] = (
            1 + int((signs < 0).sum()),
            1 + len(signs) - int((signs > 0).sum()),
        )
    return found


def _field(
    session: Session,
    season: SeasonRow,
    group: RankingGroup,
    ranked: NDArray[np.int64],
    waiting: Sequence[Waiting],
) -> dict[int, int]:
    """All that would rank, with their owners as far as these have something that waits: the best of each."""
    field = dict.fromkeys(map(int, ranked), 0)
    best = {
        row.user_id: (row.octaves, row.evaluation_id)
        for row in session.execute(
            select(RankedEntry.user_id, RankedEntry.octaves, RankedEntry.evaluation_id).where(
                in_group(season, group),
                RankedEntry.best,
                RankedEntry.user_id.in_({one.owner for one in waiting if one.owner}),
            )
        )
    }
    for _, number in best.values():
        field.pop(number, None)
    for one in waiting:
        if one.owner:
            best[one.owner] = max(best.get(one.owner, (-np.inf, 0)), (one.octaves, one.evaluation_id))
        else:
            field[one.evaluation_id] = 0
    return field | {number: owner for owner, (_, number) in best.items()}


class _Others:
    """Octaves by chain of the entries of a group and of those that wait, read when they are asked for."""

    def __init__(
        self, session: Session, season: SeasonRow, group: RankingGroup, waiting: Sequence[ReportRow]
    ) -> None:
        self._query = (
            select(RankedEntry.evaluation_id, RankedEntry.octaves_by_chain)
            .where(in_group(season, group))
            .order_by(RankedEntry.evaluation_id)
        )
        self._session = session
        self._waiting = waiting
        self._read: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def octaves(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Octaves by chain of these evaluations: (ids, chains)."""
        if self._read is None:
            rows = [(row.evaluation_id, chain_sums(row).tobytes()) for row in self._waiting]
            rows = sorted(
                {*rows, *((number, octaves) for number, octaves in self._session.execute(self._query))}
            )
            octaves = np.frombuffer(b"".join(row[1] for row in rows), "<f8").reshape(len(rows), -1)
            self._read = np.array([row[0] for row in rows], dtype=np.int64), octaves
        known, octaves = self._read
        found: NDArray[np.float64] = octaves[np.searchsorted(known, ids)]
        return found


def _compared(
    key: _Key, own: NDArray[np.float64], ranked: NDArray[np.int64], others: _Others
) -> NDArray[np.int8]:
    """How an entry compares with each of those that rank."""
    with _lock:
        ids, signs = _known.get(key, (np.empty(0, np.int64), np.empty(0, np.int8)))
    missing = np.setdiff1d(ranked, ids, assume_unique=True)
    if len(missing):
        new = compare_octaves(own, others.octaves(missing))
        ids, signs = np.concatenate([ids, missing]), np.concatenate([signs, new])
        order = np.argsort(ids)
        ids, signs = ids[order], signs[order]
        with _lock:
            _known[key] = ids, signs
    return signs[np.searchsorted(ids, ranked)]
