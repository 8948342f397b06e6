"""How an entry stands: its rank, its figures on both tracks, and who is above it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.models import Evaluation, RankedEntry, ReportRow, SeasonRow, Submission, User
from leaderboard.services import publication, rankings
from leaderboard.services.rankings import ALL, BEST, RankingGroup, in_group
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
            "deferred": e.deferred,
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


def _ranked(session: Session, evaluation: Evaluation) -> RankedEntry | None:
    return session.get(RankedEntry, evaluation.id) if evaluation.season.ranked else None


def rank_of(session: Session, evaluation: Evaluation) -> tuple[int, int] | None:
    """The rank of an evaluation among everybody's best, or else among all of its group; None without one."""
    found = neighbourhood(session, evaluation)
    return found.rank if found else None


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
    row = _ranked(session, evaluation)
    if row is None:
        return None
    group = RankingGroup(Track(row.track), row.machine)
    here = in_group(evaluation.season, group)
    if row.best:
        here &= RankedEntry.best
    counts = rankings.counts(session, evaluation.season, group, BEST if row.best else ALL)
    rank = counts.range_of(evaluation.id)
    assert rank is not None
    above = session.execute(
        select(Submission.name, RankedEntry.octaves)
        .join(Submission, Submission.id == RankedEntry.submission_id)
        .where(here, RankedEntry.octaves > row.octaves)
        .order_by(RankedEntry.octaves)
        .limit(1)
    ).first()
    name, gap = (above[0], above[1] - row.octaves) if above else ("", 0.0)
    return Neighbourhood(rank, len(counts), name, gap)


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
