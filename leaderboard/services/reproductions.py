"""Reproduced entries: what came of a training that an operator repeated, and what was learned under watch."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

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
_MOST: Final = 10**12


@dataclass(frozen=True)
class Repeated:
    """What an operator posts.

    Attributes:
        season: name of the season whose set was asked.
        skill_by_chain: (chains, octaves) of the repeated weights.
        weights: SHA-256 of their file.
        steps: of the optimiser.
        seconds: of training.
        machine: that it ran on, in words.
        device: "cpu" or "cuda".
    """

    season: str
    skill_by_chain: np.ndarray[Any, np.dtype[np.float64]]
    weights: str
    steps: int
    seconds: float
    machine: str
    device: str

    @classmethod
    def from_dict(cls, values: Any) -> "Repeated":
        """From a request's JSON; Refused with 422."""
        try:
            found = cls(
                str(values["season"]),
                np.array(values["skill_by_chain"], dtype=np.float64),
                str(values["weights"]),
                int(values["steps"]),
                float(values["seconds"]),
                str(values["machine"]).replace("\0", "")[:80],
                str(values["device"]).replace("\0", "")[:80],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _wrong(f"a field is missing or has another type: {error}") from error
        table = found.skill_by_chain
        if table.ndim != 2 or not ((table >= 0) & (table <= 1)).all():
            raise _wrong("skill_by_chain is no table of skills between 0 and 1")
        if len(found.weights) != 64 or not 0 <= found.steps < _MOST or not 0 <= found.seconds < _MOST:
            raise _wrong("weights is a SHA-256 in hexadecimal, steps and seconds are not negative")
        return found


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


def record(session: Session, submission_id: int, found: Repeated) -> Reproduction:
    """Compare what came of it with the entry, store it in place of an earlier one, and let the entry rank.

    Raises:
        Refused: 404 or 409 as `entry`, 422 where the table does not belong to the entry's season.
    """
    evaluation = entry(session, submission_id)
    submitted = reports.skill_by_chain(session, evaluation)
    if found.season != evaluation.season.name or found.skill_by_chain.shape != submitted.shape:
        raise _wrong(f"its skills belong to another set than that of season {evaluation.season.name!r}")
    low, high = paired_interval(found.skill_by_chain, submitted)
    key = {"submission_id": submission_id, "season_id": evaluation.season_id}
    row = session.get(Reproduction, key) or Reproduction(**key)
    row.octaves = float(found.skill_by_chain.mean(axis=0).sum())
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
