"""Reports as workers send them, read and checked against what was asked."""

import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.results.frame_suggestion import FrameSuggestion
from challenge.results.report import UNJUDGED, Report
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.errors import Refused, not_found
from leaderboard.models import Evaluation, ReportRow, Submission
from leaderboard.services import publication

# Rounding, in sums of a few thousand numbers.
_CLOSE: Final = 1e-6


def skill_table(stored: bytes, octaves: int) -> NDArray[np.float64]:
    """The skills that a row stores, as (chains, octaves)."""
    return np.frombuffer(stored, dtype="<f8").reshape(-1, octaves)


def chain_sums(report: ReportRow) -> NDArray[np.float64]:
    """(chains,) octaves of each chain of a report."""
    sums: NDArray[np.float64] = skill_table(report.skill_by_chain, len(report.skill) // 8).sum(axis=1)
    return sums


def skill_by_chain(session: Session, evaluation: Evaluation) -> NDArray[np.float64]:
    """(chains, octaves) skills of an evaluation that has a report; Refused with 404."""
    row = session.get(ReportRow, evaluation.id)
    if row is None:
        raise not_found("report")
    return skill_table(row.skill_by_chain, len(row.skill) // 8)


def skill_by_octave(session: Session, evaluation: Evaluation) -> tuple[float, ...]:
    """Mean skill of each octave as anybody may see it; empty for an evaluation without a report."""
    row = session.get(ReportRow, evaluation.id)
    return publication.skills(skill_table(row.skill, 1)[:, 0].tolist(), evaluation.season) if row else ()


def stored_report(session: Session, evaluation: Evaluation) -> Report | None:
    """The report of an evaluation on the open track, as far as it is public.

    None where there is none, or one of an older version.
    """
    row = session.get(ReportRow, evaluation.id) if evaluation.track == Track.OPEN.value else None
    try:
        return publication.report(Report.from_json(row.body), evaluation.season) if row else None
    except ValueError:
        # Its figures stand in the evaluation, its tables are not shown.
        return None


def suggestion(session: Session, evaluation: Evaluation) -> FrameSuggestion | None:
    """What would make an entry resolve more, where the judge found something; see `FrameSuggestion`."""
    if evaluation.track != Track.OPEN.value or evaluation.octaves is None:
        return None
    digest = session.scalar(select(ReportRow.digest).where(ReportRow.evaluation_id == evaluation.id))
    return None if digest is None else _suggestion(session, evaluation, digest)


# Whoever follows an entry asks each second, and a report takes a millisecond to read.
@cached(
    LRUCache(4096),
    key=lambda _session, evaluation, digest: (digest, evaluation.season.revealed),
    lock=threading.Lock(),
)
def _suggestion(session: Session, evaluation: Evaluation, _digest: str) -> FrameSuggestion | None:
    report = stored_report(session, evaluation)
    return report.suggestion if report else None


def stored_samples_report(session: Session, evaluation: Evaluation) -> SamplesReport | None:
    """The same for the samples track."""
    row = session.get(ReportRow, evaluation.id) if evaluation.track == Track.SAMPLES.value else None
    try:
        return publication.report(SamplesReport.from_json(row.body), evaluation.season) if row else None
    except ValueError:
        return None


def newest_row(
    session: Session, submission: Submission, season: str | None, track: Track | None
) -> tuple[Evaluation, ReportRow] | None:
    """The newest report of a submission, as the worker sent it, and its evaluation. Not all of it is public.

    Args:
        session: reads.
        submission: whose reports.
        season: a season's name; None for any that is ranked.
        track: a track; None for both, the open track's first.
    """
    for evaluation in sorted(
        submission.evaluations,
        key=lambda e: (e.track != Track.OPEN.value, not e.state.final, -e.id),
    ):
        row = evaluation.season
        wanted = row.name == season if season else row.ranked
        found = (
            session.get(ReportRow, evaluation.id) if wanted and track in (None, evaluation.track) else None
        )
        if found is not None:
            return evaluation, found
    return None


def read_report(values: Any, evaluation: Evaluation) -> Report | SamplesReport:
    """The report of a worker's JSON, checked against what was asked; Refused with 422."""
    return _read(values, evaluation, (Status.SCORED.value, Status.REJECTED.value))


def read_octaves(values: Any, evaluation: Evaluation) -> Report:
    """What the first stage found on the open track, as a report without a verdict; Refused with 422."""
    report = _read(values, evaluation, (UNJUDGED,))
    if not isinstance(report, Report) or report.universality or report.integrity:
        raise _wrong("the first stage measures octaves alone")
    return report


def _read(values: Any, evaluation: Evaluation, verdicts: Sequence[str]) -> Report | SamplesReport:
    track, season = Track(evaluation.track), evaluation.season
    try:
        report: Report | SamplesReport = (
            Report.from_dict(values) if track is Track.OPEN else SamplesReport.from_dict(values)
        )
        report.to_json()
        by_chain = np.array(report.skill_by_chain, dtype=np.float64)
    except (ValueError, TypeError, AttributeError) as error:
        raise _wrong(str(error)) from error
    if (report.season, report.commitment) != (season.name, season.commitment):
        raise _wrong(f"it belongs to season {report.season!r}, not {season.name!r}")
    size = season.size(track)
    if by_chain.shape != (size.chains, size.octaves) or len(report.skill) != size.octaves:
        raise _wrong(f"skill_by_chain has shape {by_chain.shape}, not {(size.chains, size.octaves)}")
    if not ((by_chain >= 0) & (by_chain <= 1)).all():
        raise _wrong("a skill is not between 0 and 1")
    if abs(report.octaves - by_chain.mean(axis=0).sum()) > _CLOSE:
        raise _wrong("octaves is not the sum of the mean skills")
    if report.verdict not in verdicts:
        raise _wrong(f"there is no verdict {report.verdict!r}")
    if isinstance(report, SamplesReport):
        _check_lessons(report, by_chain, evaluation)
    return report


def _check_lessons(report: SamplesReport, by_chain: NDArray[np.float64], evaluation: Evaluation) -> None:
    """Refuse a report with another budget or other samples than the season: it could not be compared."""
    season, machine = evaluation.season, report.calibration.machine
    if machine not in season.budgets:
        raise _wrong(f"there is no class of machine {machine!r}")
    given, asked = (report.samples, report.budget_seconds), (season.samples, season.budgets[machine])
    if given != asked:
        raise _wrong(f"samples and seconds of a target are {given}, and in this season {asked}")
    try:
        each = np.array([one.skill_by_chain for one in report.targets], dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise _wrong(f"the skills of a target are no table: {error}") from error
    if each.shape[1:] != by_chain.shape or abs(each.mean(axis=0) - by_chain).max() > _CLOSE:
        raise _wrong("skill_by_chain is not the mean over the targets")
    if not season.revealed and any(one.name or one.losses for one in report.targets):
        raise _wrong("it tells what its season still keeps secret")


def _wrong(detail: str) -> Refused:
    return Refused(422, "report_invalid", f"The report is invalid: {detail}.")
