"""Reproduced entries: what came of a training that an operator repeated, and what was learned under watch."""

from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from challenge.results.repeated_training import RepeatedTraining
from challenge.results.verdicts import Status
from challenge.scoring.metrics import paired_interval
from challenge.scoring.tracks import Track
from leaderboard.db import now
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Evaluation, RankedEntry, Reproduction, SeasonRow, Submission, User
from leaderboard.services import publication, rankings, reports, submissions

# Octaves by which a repeated training may be worse, beyond what its interval says: another machine rounds
# otherwise, and its clock is another one.
MARGIN: Final = 0.25


def read_training(values: Any) -> RepeatedTraining:
    """What an operator posts, from a request's JSON; Refused with 422."""
    try:
        return RepeatedTraining.from_dict(values)
    except ValueError as error:
        raise _wrong(str(error)) from error


def entry(session: Session, submission_id: int) -> Evaluation:
    """The evaluation whose octaves a repeated training is compared with; Refused with 404 or 409."""
    submission = submissions.get(session, submission_id)
    evaluation = submissions.latest_evaluation(session, submission)
    if evaluation is None:
        raise not_found("evaluation")
    evaluation = submissions.displayed(submission, evaluation)
    if evaluation.state is not Status.SCORED:
        raise conflict(
            "not_scored",
            f"Submission {submission_id} is {evaluation.status} on the open track; only a scored one can be "
            "reproduced.",
        )
    return evaluation


def record(session: Session, submission_id: int, found: RepeatedTraining) -> Reproduction:
    """Compare what came of it with the entry, store it in place of an earlier one, and let the entry rank.

    Raises:
        Refused: 404 or 409 as `entry`, 422 where the table does not belong to the entry's season.
    """
    evaluation = entry(session, submission_id)
    submitted = reports.skill_by_chain(session, evaluation)
    repeated = np.array(found.skill_by_chain)
    if found.season != evaluation.season.name or repeated.shape != submitted.shape:
        raise _wrong(f"its skills belong to another set than that of season {evaluation.season.name!r}")
    low, high = paired_interval(repeated, submitted)
    key = {"submission_id": submission_id, "season_id": evaluation.season_id}
    row = session.get(Reproduction, key) or Reproduction(**key)
    row.octaves = float(repeated.mean(axis=0).sum())
    row.submitted = float(submitted.mean(axis=0).sum())
    row.difference_low, row.difference_high = low, high
    row.agrees = high >= -MARGIN
    row.weights, row.steps, row.seconds = found.weights, found.steps, found.seconds
    row.machine, row.device, row.at = found.machine, found.device, now()
    session.add(row)
    evaluation.reproduced_at = row.at if row.agrees else None
    rankings.refresh(session, evaluation.submission, evaluation.season)
    return row


def of_evaluation(session: Session, evaluation: Evaluation) -> Reproduction | None:
    """What came of repeating the training of an evaluation's submission, on its season."""
    if evaluation.track != Track.OPEN.value:
        return None
    return session.get(Reproduction, (evaluation.submission_id, evaluation.season_id))


def to_dict(row: Reproduction, season: SeasonRow) -> dict[str, Any]:
    """Plain values that JSON can hold, as anybody may see them."""

    def shown(value: float) -> float:
        return value if season.revealed else publication.round_figure(value)

    return {
        "octaves": shown(row.octaves),
        "submitted": shown(row.submitted),
        "difference": [shown(row.difference_low), shown(row.difference_high)],
        "agrees": row.agrees,
        "steps": row.steps,
        "seconds": row.seconds,
        "machine": row.machine,
        "device": row.device,
        "at": row.at.isoformat(timespec="seconds"),
    }


def front(session: Session, season: SeasonRow) -> list[list[float]]:
    """[bytes, octaves] of what was learned in a season while somebody watched, for the judge's `capacity`.

    These are the references with their octaves on the open track, repeated trainings with the octaves that
    came of them, and entries of the samples track with those that they reached there.
    """
    here = RankedEntry.season_id == season.id
    ranked = select(Submission.bytes, RankedEntry.octaves).join(
        Submission, Submission.id == RankedEntry.submission_id
    )
    references = ranked.join(User, User.id == Submission.user_id).where(
        here, RankedEntry.track == Track.OPEN.value, User.reference
    )
    watched = ranked.where(here, RankedEntry.track == Track.SAMPLES.value)
    repeated = (
        select(Submission.bytes, Reproduction.octaves)
        .join(Submission, Submission.id == Reproduction.submission_id)
        .where(Reproduction.season_id == season.id, Reproduction.agrees, Submission.hidden_at.is_(None))
    )
    rows = [tuple(row) for query in (references, watched, repeated) for row in session.execute(query)]
    best: list[list[float]] = []
    for size, octaves in sorted(rows, key=lambda row: (row[0], -row[1])):
        if not best or octaves > best[-1][1]:
            best.append([size, octaves])
    return best


def _wrong(detail: str) -> Refused:
    return Refused(422, "reproduction_invalid", f"The reproduction cannot be taken: {detail}.")
