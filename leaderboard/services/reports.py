"""Reports as workers send them, read and checked against what was asked."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from challenge.results.report import Report
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.errors import Refused
from leaderboard.models import Evaluation

# Rounding, in sums of a few thousand numbers.
_CLOSE: Final = 1e-6


def read_report(values: Any, evaluation: Evaluation) -> Report | SamplesReport:
    """The report of a worker's JSON, checked against what was asked; Refused with 422."""
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
    if report.verdict not in (Status.SCORED.value, Status.REJECTED.value):
        raise _wrong(f"there is no verdict {report.verdict!r}")
    if isinstance(report, SamplesReport):
        _check_lessons(report, by_chain, evaluation)
    return report


def _check_lessons(report: SamplesReport, by_chain: NDArray[np.float64], evaluation: Evaluation) -> None:
    """With another budget, or other samples, a result could not be compared with the rest of its season."""
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
    return Refused(422, "report_invalid", f"The report cannot be taken: {detail}.")
