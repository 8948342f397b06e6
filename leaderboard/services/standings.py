"""Who did how well: the entries of a season, ranked by full precision and with ties."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Engine, and_, case, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.models import Evaluation, RankedEntry, ReportRow, SeasonRow, Submission, User
from leaderboard.services import publication, rank_queries
from leaderboard.services.queue_order import in_turn, live
from leaderboard.services.rankings import GROUPS, JUDGED, OPEN, RankingGroup, in_group
from leaderboard.services.reports import skill_table


@dataclass(frozen=True)
class Entry:
    """A submission's standing in a season; `rank` is None for one that does not rank.

    `other_track` is what it stands by on the other track, where it ranks there as well.
    """

    evaluation: Evaluation
    rank: tuple[int, int] | None = None
    other_track: Evaluation | None = None

    def octaves_on(self, track: Track) -> float | None:
        """Its octaves on a track; None where it does not rank there."""
        ranked = [
            e for e in (self.evaluation, self.other_track) if e is not None and e.state is Status.SCORED
        ]
        return next((e.octaves for e in ranked if e.track == track.value), None)

    def _published_octaves(self, track: Track) -> float | None:
        value = self.octaves_on(track)
        revealed = self.evaluation.season.revealed
        return value if value is None or revealed else publication.round_figure(value)

    @property
    def submission(self) -> Submission:
        """What was submitted."""
        return self.evaluation.submission

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        e, s = self.evaluation, self.submission
        return {
            "rank": list(self.rank) if self.rank else None,
            "submission_id": s.id,
            "evaluation_id": e.id,
            "user_id": s.user_id,
            "name": s.name,
            "author": s.author,
            "method": s.method,
            "status": e.status,
            "provisional": e.provisional,
            "track": e.track,
            "machine": e.machine,
            "verified": e.reproduced or self.octaves_on(Track.SAMPLES) is not None,
            "reproduced": e.reproduced,
            "open_octaves": self._published_octaves(Track.OPEN),
            "samples_octaves": self._published_octaves(Track.SAMPLES),
            **publication.figures(e),
            "weight_class": s.weight_class,
            "bytes": s.bytes,
            "device": e.device,
            "date": (e.finished_at or e.queued_at).isoformat(timespec="seconds"),
            "reference": s.user.reference,
            "flagged": e.flagged,
            "awaits_decision": e.awaits_decision,
        }


@dataclass(frozen=True)
class Standing:
    """What is known of a season; `token` changes whenever any of it does.

    Attributes:
        entries: those that rank, the best first.
        others: those that do not, the newest first.
        provisional: those whose octaves are measured and whose verdict is still to come, with the rank that
            they would have among the entries.
    """

    token: tuple[Any, ...]
    entries: tuple[Entry, ...]
    others: tuple[Entry, ...]
    provisional: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Board:
    """The standing of a season on a track: ranked, being judged, and not ranked."""

    season: SeasonRow
    group: RankingGroup
    standing: Standing
    pending: tuple[Evaluation, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The ranked ones, the best first."""
        return self.standing.entries

    @property
    def shown(self) -> tuple[Entry, ...]:
        """The ranked and the provisional ones, the best first."""
        both = (*self.standing.entries, *self.standing.provisional)
        return tuple(sorted(both, key=lambda e: (-(e.evaluation.octaves or 0.0), e.evaluation.id)))

    @property
    def unranked(self) -> tuple[Entry, ...]:
        """The rest, the newest first; not what failed and is being judged again."""
        again = {e.submission_id for e in self.pending}
        return tuple(
            entry
            for entry in self.standing.others
            if entry.evaluation.state in JUDGED or entry.submission.id not in again
        )


def board(
    session: Session, season: SeasonRow, group: RankingGroup = OPEN, *, every_entry: bool = False
) -> Board:
    """The standing of a season in a group, and what is being judged there; see `standing`."""
    pending = session.scalars(
        in_turn(select(Evaluation))
        .join(Evaluation.submission)
        .options(contains_eager(Evaluation.submission))
        .where(
            Evaluation.season_id == season.id,
            Evaluation.track == group.track.value,
            live(),
            Submission.hidden_at.is_(None),
        )
    ).all()
    return Board(season, group, standing(session, season, group, every_entry=every_entry), tuple(pending))


class _Standings:
    """The last standing of each season of one database, shared by all requests."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: dict[tuple[int, RankingGroup, bool], Standing] = {}


_standings: WeakKeyDictionary[Engine, _Standings] = WeakKeyDictionary()


def standing(
    session: Session, season: SeasonRow, group: RankingGroup = OPEN, *, every_entry: bool = False
) -> Standing:
    """What is decided of a season in a group, read anew when anything of the season has changed.

    While one request reads it, the others take the one before.

    Args:
        session: reads.
        season: the season.
        group: whose results share the ranking.
        every_entry: rank all entries; otherwise everybody's best one, and all references.
    """
    version = session.scalar(select(SeasonRow.board_version).where(SeasonRow.id == season.id))
    key = (season.id, group, every_entry)
    # When the season ends, more of its figures is public.
    token = (*key, version, season.closed_at)
    shared = _standings.setdefault(session.get_bind().engine, _Standings())
    found = shared.made.get(key)
    if found is not None and found.token == token:
        return found
    if not shared.lock.acquire(blocking=found is None):
        assert found is not None
        return found
    try:
        found = shared.made.get(key)
        if found is None or found.token != token:
            found = shared.made[key] = _read(session, season, group, every_entry, token)
        return found
    finally:
        shared.lock.release()


def _read(
    session: Session, season: SeasonRow, group: RankingGroup, every_entry: bool, token: tuple[Any, ...]
) -> Standing:
    ranked = in_group(season, group)
    if not every_entry:
        ranked = ranked & RankedEntry.best
    rows = session.execute(
        select(Evaluation, RankedEntry)
        .join(RankedEntry, RankedEntry.evaluation_id == Evaluation.id)
        .join(Evaluation.submission)
        .join(Submission.user)
        .options(
            contains_eager(Evaluation.submission).contains_eager(Submission.user),
            joinedload(Evaluation.season),
        )
        .where(ranked)
        .order_by(RankedEntry.octaves.desc(), Evaluation.id)
    ).all()
    elsewhere = _on_other_track(session, season, group)
    return Standing(
        token=token,
        entries=tuple(
            Entry(
                evaluation,
                (1 + row.better, len(rows) - row.worse)
                if every_entry
                else (1 + row.better_best, len(rows) - row.worse_best),
                elsewhere.get(evaluation.submission_id),
            )
            for evaluation, row in rows
        ),
        others=tuple(Entry(e) for e in sorted(_others(session, season, group), key=lambda e: -e.id)),
        provisional=_provisional(session, season, group, [row.evaluation_id for _, row in rows]),
    )


def _provisional(
    session: Session, season: SeasonRow, group: RankingGroup, ranked: Sequence[int]
) -> tuple[Entry, ...]:
    """Entries that wait for their verdict; one that was judged before stands by that meanwhile."""
    judged = select(Evaluation.submission_id).where(
        Evaluation.season_id == season.id,
        Evaluation.status.in_([status.value for status in JUDGED]),
        _in_group(group),
    )
    found = session.scalars(
        select(Evaluation)
        .join(Evaluation.submission)
        .join(Submission.user)
        .options(
            contains_eager(Evaluation.submission).contains_eager(Submission.user),
            joinedload(Evaluation.season),
        )
        .where(
            Evaluation.season_id == season.id,
            live(),
            Evaluation.octaves.is_not(None),
            Evaluation.submission_id.not_in(judged),
            Submission.hidden_at.is_(None),
            _in_group(group),
        )
    ).all()
    return tuple(Entry(e, rank_queries.rank_among(session, e.id, ranked)) for e in found)


def _on_other_track(session: Session, season: SeasonRow, group: RankingGroup) -> dict[int, Evaluation]:
    """By submission: what ranks on the other track. Of two classes of machine the first one is shown."""
    found: dict[int, Evaluation] = {}
    for other in GROUPS:
        if (other.track is Track.OPEN) == (group.track is Track.OPEN):
            continue
        for row in session.scalars(
            select(Evaluation)
            .join(RankedEntry, RankedEntry.evaluation_id == Evaluation.id)
            .where(in_group(season, other))
        ):
            found.setdefault(row.submission_id, row)
    return found


def _in_group(group: RankingGroup) -> ColumnElement[bool]:
    """What belongs to a group; one that failed never came from any class of machine."""
    there = Evaluation.track == group.track.value
    if not group.machine:
        return there
    return and_(there, or_(Evaluation.machine.is_(None), Evaluation.machine == group.machine))


def _others(session: Session, season: SeasonRow, group: RankingGroup) -> Sequence[Evaluation]:
    """What submissions that do not rank stand by: the newest judged evaluation, or else the newest final."""
    judged = [status.value for status in JUDGED]
    ranked = select(RankedEntry.submission_id).where(in_group(season, group))
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
            _in_group(group),
        )
        .group_by(Evaluation.submission_id)
    )
    return session.scalars(
        select(Evaluation)
        .join(Evaluation.submission)
        .join(Submission.user)
        .options(
            contains_eager(Evaluation.submission).contains_eager(Submission.user),
            joinedload(Evaluation.season),
        )
        .where(Evaluation.id.in_(newest.scalar_subquery()), Submission.hidden_at.is_(None))
    ).all()


def progress(evaluation: Evaluation, position: int | None) -> dict[str, Any]:
    """How far an evaluation is, as the board shows it."""
    return {
        "evaluation_id": evaluation.id,
        "submission_id": evaluation.submission_id,
        "name": evaluation.submission.name,
        "author": evaluation.submission.author,
        "track": evaluation.track,
        "status": evaluation.status,
        "progress": evaluation.progress,
        "message": evaluation.message,
        "attempt": evaluation.attempts,
        "queue_position": position,
        "final": evaluation.state.final,
    }


def rank_of(session: Session, evaluation: Evaluation) -> tuple[int, int] | None:
    """The rank of an evaluation among everybody's best, or else among all of its group; None without one."""
    row = session.get(RankedEntry, evaluation.id) if evaluation.season.ranked else None
    if row is None:
        return None
    here = in_group(evaluation.season, RankingGroup(Track(row.track), row.machine))
    if row.best:
        here = here & RankedEntry.best
    count = session.scalar(select(func.count()).select_from(RankedEntry).where(here)) or 0
    if row.best:
        return 1 + row.better_best, count - row.worse_best
    return 1 + row.better, count - row.worse


@dataclass(frozen=True)
class Neighbourhood:
    """Where an evaluation ranks, for its author.

    Attributes:
        rank: from, to.
        entries: how many rank with it.
        above: name of the entry with the next higher score; "" for the first.
        gap: octaves to it.
    """

    rank: tuple[int, int]
    entries: int
    above: str
    gap: float


def neighbourhood(session: Session, evaluation: Evaluation) -> Neighbourhood | None:
    """The rank of an evaluation and the entry above it; None without a rank."""
    rank = rank_of(session, evaluation)
    row = session.get(RankedEntry, evaluation.id)
    if rank is None or row is None:
        return None
    here = in_group(evaluation.season, RankingGroup(Track(row.track), row.machine))
    if row.best:
        here = here & RankedEntry.best
    above = session.execute(
        select(Submission.name, RankedEntry.octaves)
        .join(Submission, Submission.id == RankedEntry.submission_id)
        .where(here, RankedEntry.octaves > row.octaves)
        .order_by(RankedEntry.octaves)
        .limit(1)
    ).first()
    count = session.scalar(select(func.count()).select_from(RankedEntry).where(here)) or 0
    name, gap = (above[0], above[1] - row.octaves) if above else ("", 0.0)
    return Neighbourhood(rank, count, name, gap)


def reference_skills(session: Session, season: SeasonRow) -> list[tuple[Submission, list[float]]]:
    """The skill curves of the reference entries of a season."""
    rows = session.execute(
        select(Submission, ReportRow.skill)
        .join(Evaluation, Evaluation.submission_id == Submission.id)
        .join(ReportRow, ReportRow.evaluation_id == Evaluation.id)
        .join(User, User.id == Submission.user_id)
        .where(
            Evaluation.season_id == season.id,
            Evaluation.track == Track.OPEN.value,
            Evaluation.status.in_((Status.SCORED.value, Status.REJECTED.value)),
            Submission.hidden_at.is_(None),
            User.reference,
        )
        .order_by(Evaluation.id)
    )
    # A later evaluation of the same submission takes the place of an earlier one.
    found = {
        submission.id: (submission, skill_table(stored, 1)[:, 0].tolist()) for submission, stored in rows
    }
    return list(found.values())
