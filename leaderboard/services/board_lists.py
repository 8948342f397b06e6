"""What the board lists, read from the database a page at a time: ranked entries, what waits, and the rest.

Nothing here reads more rows in full than are shown, however many entries a season has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union_all
from sqlalchemy.orm import Session, contains_eager, joinedload

from challenge.scoring.tracks import BUDGETS, Track
from leaderboard.models import Evaluation, RankedEntry, SeasonRow, Submission, User
from leaderboard.services import lineage, provisional_ranks, rankings
from leaderboard.services.board_query import BoardQuery
from leaderboard.services.queue_order import in_turn, live, under_way
from leaderboard.services.rankings import ALL, BEST, JUDGED, RankingGroup, evaluated_in, in_group
from leaderboard.services.standings import Entry


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    entries: tuple[Entry, ...]
    number: int
    size: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.size))

    def to_dict(self) -> dict[str, int]:
        """As the interface tells it."""
        return {"number": self.number, "size": self.size, "total": self.total, "pages": self.count}


@dataclass(frozen=True)
class ListedEntry:
    """As much of a ranked entry as plots and lists of choices need."""

    submission_id: int
    evaluation_id: int
    name: str
    author: str
    bytes: int
    created_at: datetime
    reference: bool
    octaves: float
    rank: tuple[int, int]


def version(session: Session, season: SeasonRow) -> tuple[Any, ...]:
    """Changes whenever something that is decided of a season does; not with what waits."""
    found = session.scalar(select(SeasonRow.board_version).where(SeasonRow.id == season.id))
    # When the season ends, more of its figures is public.
    return season.id, found, season.closed_at, season.revealed_at


def _entries(query: BoardQuery) -> str:
    return ALL if query.every_entry else BEST


def _ranked(season: SeasonRow, query: BoardQuery) -> ColumnElement[bool]:
    ranked = in_group(season, query.group)
    return ranked if query.every_entry else ranked & RankedEntry.best


def _provisional(season: SeasonRow, query: BoardQuery) -> ColumnElement[bool]:
    """Has octaves and waits for its verdict; one that was judged before stands by that meanwhile.

    What is deferred does not beat its author's best entry, so it is shown among all entries alone.
    """
    group = query.group
    judged = select(Evaluation.submission_id).where(
        Evaluation.season_id == season.id,
        Evaluation.status.in_([status.value for status in JUDGED]),
        evaluated_in(group),
    )
    return and_(
        Evaluation.season_id == season.id,
        live() if query.every_entry else under_way(),
        Evaluation.octaves.is_not(None),
        Evaluation.submission_id.not_in(judged),
        evaluated_in(group),
    )


def _wanted(session: Session, season: SeasonRow, query: BoardQuery) -> ColumnElement[bool]:
    found: ColumnElement[bool] = Submission.hidden_at.is_(None)
    if query.family:
        found &= Submission.id.in_(lineage.family(session, query.family))
    if query.weight:
        found &= Submission.weight_class == query.weight
    if query.kind != "all":
        found &= User.reference if query.kind == "reference" else ~User.reference
    if query.verified:
        found &= Submission.id.in_(
            select(RankedEntry.submission_id).where(
                RankedEntry.season_id == season.id, RankedEntry.track == Track.SAMPLES.value
            )
        )
    return found


def page(session: Session, season: SeasonRow, query: BoardQuery, *, provisional: bool = True) -> Page:
    """The entries that a query asks for, of a group's ranked and provisional ones. After the last, none.

    Args:
        session: reads.
        season: the season; what the query says of one is left out.
        query: which entries, in which order, and how many.
        provisional: whether those without a verdict are listed, with the rank that they would have.
    """
    listed = (
        select(Evaluation)
        .join(Evaluation.submission)
        .join(Submission.user)
        .where(_listed(season, query, provisional=provisional), _wanted(session, season, query))
    )
    total = session.scalar(listed.with_only_columns(func.count())) or 0
    rows = session.scalars(
        _whole(listed)
        .order_by(*query.ordering)
        .limit(query.per_page)
        .offset((query.page - 1) * query.per_page)
    ).all()
    return Page(_ranks(session, season, query, rows), query.page, query.per_page, total)


def _listed(season: SeasonRow, query: BoardQuery, *, provisional: bool) -> ColumnElement[bool]:
    shown = select(RankedEntry.evaluation_id).where(_ranked(season, query))
    if not provisional:
        return Evaluation.id.in_(shown)
    waiting = select(Evaluation.id).where(_provisional(season, query))
    return Evaluation.id.in_(union_all(shown, waiting))


def matching_ids(session: Session, season: SeasonRow, query: BoardQuery) -> list[int]:
    """The ranked evaluations that pass the query's filters."""
    return list(
        session.scalars(
            select(Evaluation.id)
            .join(Evaluation.submission)
            .join(Submission.user)
            .where(_listed(season, query, provisional=False), _wanted(session, season, query))
        )
    )


def judged_before(session: Session, season: SeasonRow, query: BoardQuery, moment: datetime) -> list[int]:
    """The ranked evaluations of the query's group that had been judged by a moment."""
    return list(
        session.scalars(
            select(Evaluation.id)
            .join(RankedEntry, RankedEntry.evaluation_id == Evaluation.id)
            .where(_ranked(season, query), Evaluation.finished_at < moment)
        )
    )


def highest_interval(session: Session, season: SeasonRow, query: BoardQuery) -> float | None:
    """The highest upper end of an interval of octaves among a group's entries; None where there are none."""
    found: float | None = session.scalar(
        select(func.max(Evaluation.interval_high)).where(_listed(season, query, provisional=True))
    )
    return found


def _whole(listed: Select[Evaluation]) -> Select[Evaluation]:
    return listed.options(
        contains_eager(Evaluation.submission).contains_eager(Submission.user), joinedload(Evaluation.season)
    )


def _ranks(
    session: Session, season: SeasonRow, query: BoardQuery, rows: Sequence[Evaluation]
) -> tuple[Entry, ...]:
    counts = rankings.counts(session, season, query.group, _entries(query))
    elsewhere = _on_other_track(session, season, query.group, rows)
    asked = [row.id for row in rows if row.provisional]
    would_be = {}
    if asked:
        waiting = _waiting(session, season, query)
        would_be = provisional_ranks.ranks(session, season, query.group, counts.ids, waiting, asked)
    return tuple(
        Entry(row, counts.range_of(row.id) or would_be.get(row.id), elsewhere.get(row.submission_id))
        for row in rows
    )


def _waiting(session: Session, season: SeasonRow, query: BoardQuery) -> list[provisional_ranks.Waiting]:
    """What is listed as provisional without any filter."""
    rows = session.execute(
        select(Evaluation.id, User.id, User.reference, Evaluation.octaves)
        .join(Evaluation.submission)
        .join(Submission.user)
        .where(_provisional(season, query), Submission.hidden_at.is_(None))
    )
    return [
        provisional_ranks.Waiting(number, 0 if query.every_entry or reference else owner, octaves or 0.0)
        for number, owner, reference, octaves in rows
    ]


def _on_other_track(
    session: Session, season: SeasonRow, group: RankingGroup, rows: Sequence[Evaluation]
) -> dict[int, Evaluation]:
    """Evaluations that rank on the other track, by submission; of two classes of machine the first."""
    other = Track.SAMPLES if group.track is Track.OPEN else Track.OPEN
    found = session.scalars(
        select(Evaluation)
        .join(RankedEntry, RankedEntry.evaluation_id == Evaluation.id)
        .where(
            RankedEntry.season_id == season.id,
            RankedEntry.track == other.value,
            RankedEntry.submission_id.in_([row.submission_id for row in rows]),
        )
    ).all()
    order = {machine: place for place, machine in enumerate(BUDGETS)}
    in_order = sorted(found, key=lambda e: order.get(e.machine or "", 0), reverse=True)
    return {row.submission_id: row for row in in_order}


def ranked(
    session: Session, season: SeasonRow, query: BoardQuery, limit: int | None = None
) -> tuple[ListedEntry, ...]:
    """The ranked entries of the query's group, the best first: all of them, or the first ones."""
    rows = session.execute(
        select(
            RankedEntry.submission_id,
            RankedEntry.evaluation_id,
            Submission.name,
            Submission.author,
            Submission.bytes,
            Submission.created_at,
            User.reference,
            RankedEntry.octaves,
        )
        .join(Submission, Submission.id == RankedEntry.submission_id)
        .join(User, User.id == RankedEntry.user_id)
        .where(_ranked(season, query))
        .order_by(RankedEntry.octaves.desc(), RankedEntry.evaluation_id)
        .limit(limit)
    )
    counts = rankings.counts(session, season, query.group, _entries(query))
    return tuple(ListedEntry(*row, rank=counts.range_of(row.evaluation_id) or (1, 1)) for row in rows)


def pending(
    session: Session, season: SeasonRow, group: RankingGroup, limit: int
) -> tuple[Sequence[Evaluation], int]:
    """What is being judged and what waits on a board, the next ones first, and how much there is in all."""
    here = and_(Evaluation.season_id == season.id, Evaluation.track == group.track.value, under_way())
    rows = session.scalars(
        in_turn(select(Evaluation))
        .join(Evaluation.submission)
        .options(contains_eager(Evaluation.submission).joinedload(Submission.user))
        .where(here, Submission.hidden_at.is_(None))
        .limit(limit)
    ).all()
    if len(rows) < limit:
        return rows, len(rows)
    total = session.scalar(select(func.count()).select_from(Evaluation).where(here)) or 0
    # Counted apart, for only the index of what waits is read to count the others.
    hidden = session.scalar(
        select(func.count())
        .select_from(Submission)
        .join(Evaluation, Evaluation.submission_id == Submission.id)
        .where(Submission.hidden_at.is_not(None), here)
    )
    return rows, total - (hidden or 0)


def unranked(
    session: Session, season: SeasonRow, query: BoardQuery, limit: int
) -> tuple[tuple[Entry, ...], int]:
    """What submissions that do not rank stand by, the newest first, and how many there are in all.

    That is the newest judged evaluation, or else the newest final one, unless it is judged again.
    """
    group = query.group
    judged = [status.value for status in JUDGED]
    ranked = select(RankedEntry.submission_id).where(in_group(season, group))
    again = select(Evaluation.submission_id).where(
        Evaluation.season_id == season.id, Evaluation.track == group.track.value, live()
    )
    newest = (
        select(
            func.coalesce(
                func.max(case((Evaluation.status.in_(judged), Evaluation.id))), func.max(Evaluation.id)
            )
        )
        .where(
            Evaluation.season_id == season.id,
            Evaluation.finished_at.is_not(None),
            Evaluation.submission_id.not_in(ranked),
            evaluated_in(group),
        )
        .group_by(Evaluation.submission_id)
    )
    listed = (
        select(Evaluation)
        .join(Evaluation.submission)
        .join(Submission.user)
        .where(
            Evaluation.id.in_(newest.scalar_subquery()),
            # What does not rank was not verified either.
            _wanted(session, season, replace(query, verified="")),
            or_(Evaluation.status.in_(judged), Evaluation.submission_id.not_in(again)),
        )
    )
    total = session.scalar(listed.with_only_columns(func.count())) or 0
    rows = session.scalars(_whole(listed).order_by(Evaluation.id.desc()).limit(limit)).all()
    return tuple(Entry(row) for row in rows), total
