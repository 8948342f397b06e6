"""Stored ranks: of each group of a season, by how many entries each one is beaten and how many it beats.

A verdict compares one entry with the others and changes their numbers (`RankCounts`); nothing is ever ranked
anew.

A group is what shares a ranking: those of one track, and on the samples track of one class of machine. In
each there are two rankings: of all entries, and of everybody's best one.
"""

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.metrics import compare_octaves, ranks_of_sums
from challenge.scoring.tracks import BUDGETS, Track
from leaderboard.models import Evaluation, RankedEntry, RankTable, ReportRow, SeasonRow, Submission, User
from leaderboard.services.rank_counts import NOBODY, RankCounts
from leaderboard.services.reports import chain_sums

log = logging.getLogger(__name__)

JUDGED: Final = (Status.SCORED, Status.REJECTED, Status.DISQUALIFIED)
# Values of `RankTable.entries`.
ALL: Final = "all"
BEST: Final = "best"


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


def evaluated_in(group: RankingGroup) -> ColumnElement[bool]:
    """Condition of a query on `Evaluation`: those of a group, and failed ones that never had a machine."""
    there = Evaluation.track == group.track.value
    if not group.machine:
        return there
    return there & (Evaluation.machine.is_(None) | (Evaluation.machine == group.machine))


def standing_by(session: Session, season: SeasonRow, group: RankingGroup, submission_id: int) -> int | None:
    """The evaluation that a submission stands by: its newest judged one, or else its newest final one."""
    judged = [status.value for status in JUDGED]
    found: int | None = session.scalar(
        select(
            func.coalesce(
                func.max(case((Evaluation.status.in_(judged), Evaluation.id))), func.max(Evaluation.id)
            )
        ).where(
            Evaluation.submission_id == submission_id,
            Evaluation.season_id == season.id,
            Evaluation.finished_at.is_not(None),
            evaluated_in(group),
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
        report = session.get(ReportRow, number) if evaluation is not None and evaluation.ranks else None
        wanted = number if report is not None else None
        stored = session.scalars(
            select(RankedEntry.evaluation_id).where(
                in_group(season, group), RankedEntry.submission_id == submission.id
            )
        ).all()
        if list(stored) == ([] if wanted is None else [wanted]):
            continue
        ranking = _Ranking(session, season, group)
        for old in stored:
            if old != wanted:
                ranking.remove(old)
        if evaluation is not None and report is not None and wanted not in stored:
            ranking.insert(new_entry(evaluation, report, group))
        ranking.choose_best(submission.user_id)
        ranking.save()


def withdraw(session: Session, submission: Submission) -> None:
    """Take a submission out of all rankings, before it is deleted."""
    for row in session.scalars(select(RankedEntry).where(RankedEntry.submission_id == submission.id)).all():
        season = session.get_one(SeasonRow, row.season_id)
        _lock(session, season)
        ranking = _Ranking(session, season, RankingGroup(Track(row.track), row.machine))
        ranking.remove(row.evaluation_id)
        ranking.choose_best(row.user_id)
        ranking.save()
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


def new_entry(evaluation: Evaluation, report: ReportRow, group: RankingGroup) -> RankedEntry:
    """The row of an evaluation that ranks in a group; whether it is its owner's best is chosen later."""
    # The schema asks for octaves of whatever is scored.
    assert evaluation.octaves is not None
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
    )


class _Ranking:
    """The entries of a group while they change; the season is locked."""

    def __init__(self, session: Session, season: SeasonRow, group: RankingGroup) -> None:
        self._session = session
        self._season = season
        self._group = group
        rows = session.execute(
            select(RankedEntry.evaluation_id, RankedEntry.best, RankedEntry.octaves_by_chain)
            .where(in_group(season, group))
            .order_by(RankedEntry.evaluation_id)
        ).all()
        self._ids = np.array([row[0] for row in rows], dtype=np.int64)
        self._best = np.array([row[1] for row in rows], dtype=bool)
        self._octaves = (
            np.frombuffer(b"".join(row[2] for row in rows), dtype="<f8").reshape(len(rows), -1)
            if rows
            else np.empty((0, 0))
        )
        self._counts = {entries: counts(session, season, group, entries) for entries in (ALL, BEST)}
        for entries, ids in ((ALL, self._ids), (BEST, self._ids[self._best])):
            if not np.array_equal(self._counts[entries].ids, ids):
                log.warning(
                    "the ranks of season %s did not fit its entries; they are counted anew", season.name
                )
                self._counts[entries] = count_all(ids, self._octaves[np.isin(self._ids, ids)])
        # How entries compare with all, by their evaluation.
        self._signs: dict[int, NDArray[np.int8]] = {}

    def insert(self, row: RankedEntry) -> None:
        """Add an entry; `choose_best` has to follow."""
        own = np.frombuffer(row.octaves_by_chain, "<f8")
        signs = compare_octaves(own, self._octaves) if len(self._ids) else np.empty(0, np.int8)
        self._counts[ALL] = self._counts[ALL].added(row.evaluation_id, signs)
        place = int(np.searchsorted(self._ids, row.evaluation_id))
        self._ids = np.insert(self._ids, place, row.evaluation_id)
        self._best = np.insert(self._best, place, False)
        self._octaves = np.insert(self._octaves.reshape(-1, len(own)), place, own, axis=0)
        self._signs = {row.evaluation_id: np.insert(signs, place, 0)}
        self._session.add(row)
        self._session.flush()

    def remove(self, evaluation_id: int) -> None:
        """Take an entry out; `choose_best` has to follow."""
        place = int(np.searchsorted(self._ids, evaluation_id))
        if self._best[place]:
            self._set_best(place, best=False)
        rest = self._ids != evaluation_id
        self._counts[ALL] = self._counts[ALL].removed(evaluation_id, self._compared(place)[rest])
        self._ids, self._best, self._octaves = self._ids[rest], self._best[rest], self._octaves[rest]
        self._signs = {}
        row = self._session.get_one(RankedEntry, evaluation_id)
        self._session.execute(delete(RankedEntry).where(RankedEntry.evaluation_id == evaluation_id))
        self._session.expunge(row)

    def choose_best(self, user_id: int) -> None:
        """Let a person's best entry take part in the ranking of the best, and no other one of theirs."""
        numbers = self._session.scalars(
            select(RankedEntry.evaluation_id)
            .where(in_group(self._season, self._group), RankedEntry.user_id == user_id)
            .order_by(RankedEntry.octaves.desc(), RankedEntry.evaluation_id)
        ).all()
        reference = self._session.get_one(User, user_id).reference
        for order, number in enumerate(numbers):
            place = int(np.searchsorted(self._ids, number))
            best = order == 0 or reference
            if self._best[place] != best:
                self._set_best(place, best=best)

    def save(self) -> None:
        """Store the numbers."""
        for entries, found in self._counts.items():
            self._session.merge(new_table(self._season, self._group, entries, found))
        self._session.flush()

    def _compared(self, place: int) -> NDArray[np.int8]:
        number = int(self._ids[place])
        if number not in self._signs:
            self._signs[number] = compare_octaves(self._octaves[place], self._octaves)
        return self._signs[number]

    def _set_best(self, place: int, *, best: bool) -> None:
        number, signs = int(self._ids[place]), self._compared(place)
        self._best[place] = False
        change = self._counts[BEST].added if best else self._counts[BEST].removed
        self._counts[BEST] = change(number, signs[self._best])
        self._best[place] = best
        self._session.get_one(RankedEntry, number).best = best


def new_table(season: SeasonRow, group: RankingGroup, entries: str, found: RankCounts) -> RankTable:
    """The row that stores the numbers of a ranking."""
    return RankTable(
        season_id=season.id,
        track=group.track.value,
        machine=group.machine,
        entries=entries,
        counts=found.to_bytes(),
    )


def counts(session: Session, season: SeasonRow, group: RankingGroup, entries: str) -> RankCounts:
    """The numbers of a ranking: of ALL entries, or of everybody's BEST."""
    stored = session.scalar(
        select(RankTable.counts).where(
            RankTable.season_id == season.id,
            RankTable.track == group.track.value,
            RankTable.machine == group.machine,
            RankTable.entries == entries,
        )
    )
    return RankCounts.from_bytes(stored) if stored else NOBODY


def count_all(ids: NDArray[np.int64], octaves: NDArray[np.float64]) -> RankCounts:
    """The numbers of a ranking, from comparing all with all; (entries,) and (entries, chains)."""
    ranges = np.array(ranks_of_sums(octaves), dtype=np.int32).reshape(-1, 2)
    return RankCounts(ids, ranges[:, 0] - 1, np.int32(len(ids)) - ranges[:, 1])
