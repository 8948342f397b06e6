"""Evaluations: how they are queued, found, and ended.

Every change is one UPDATE that names the state it starts from, so of two workers that claim
(services/leases.py), or two that report (services/outcomes.py), one wins.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from challenge.util import log_lines
from leaderboard.clock import monotonic_utcnow
from leaderboard.db import now
from leaderboard.errors import conflict, not_found
from leaderboard.models import Evaluation, ReportRow, SeasonRow, StageRow, Submission, User
from leaderboard.services import deferral, metrics, queue_order, rankings

# Characters of the sentence that is kept about an outcome.
MAX_DETAIL: Final = 1000


def queue_evaluation(
    session: Session, submission: Submission, season: SeasonRow, track: Track = Track.OPEN
) -> Evaluation:
    """A new evaluation of a submission in a season, on a track; Refused while another one is under way."""
    if season.ranked and season.revealed:
        raise conflict("season_over", f"Season {season.name} is over, and its board does not change.")
    owner = session.get_one(User, submission.user_id)
    evaluation = Evaluation(
        submission_id=submission.id,
        season_id=season.id,
        track=track.value,
        trace=log_lines.current_id(),
        urgency=queue_order.urgency(track, measured=False, reference=owner.reference),
        turn_at=queue_order.turn(session, owner, track),
    )
    try:
        with session.begin_nested():
            session.add(evaluation)
    except IntegrityError as error:
        raise conflict(
            "already_running",
            f"Submission {submission.id} is being judged in season {season.name} already, on the "
            f"{track} track.",
        ) from error
    if evaluation.id != session.scalar(
        select(func.min(Evaluation.id)).where(Evaluation.submission_id == submission.id)
    ):
        # One that failed is not shown as such while it is judged again.
        rankings.note_change(session, season)
    return evaluation


def get(session: Session, evaluation_id: int) -> Evaluation:
    """The evaluation; Refused with 404."""
    evaluation = session.get(Evaluation, evaluation_id)
    if evaluation is None:
        raise not_found("evaluation")
    return evaluation


def list_live(session: Session) -> Sequence[Evaluation]:
    """What is under way, and what waits, in the order of the queue."""
    return session.scalars(
        queue_order.in_turn(select(Evaluation))
        .join(Evaluation.submission)
        .options(contains_eager(Evaluation.submission))
        .where(queue_order.under_way())
    ).all()


def latest_verdicts(session: Session, count: int) -> list[Evaluation]:
    """What a judge has ended last, the newest first."""
    found = [
        row
        for track in Track
        for row in session.scalars(
            select(Evaluation)
            .join(Evaluation.submission)
            .options(contains_eager(Evaluation.submission))
            .where(
                Evaluation.track == track.value,
                Evaluation.finished_at.is_not(None),
                Evaluation.status.in_((Status.SCORED.value, Status.REJECTED.value)),
            )
            .order_by(Evaluation.finished_at.desc())
            .limit(count)
        )
    ]
    return sorted(found, key=lambda one: one.finished_at or now(), reverse=True)[:count]


def set_urgency(evaluation: Evaluation) -> None:
    """Bring its class in the queue up to date with what is known of it."""
    measured, owner = evaluation.octaves is not None, evaluation.submission.user
    evaluation.urgency = queue_order.urgency(
        Track(evaluation.track), measured=measured, reference=owner.reference
    )


def clean_text(value: Any) -> str:
    """A worker's text as it can be stored; '' for nothing."""
    # PostgreSQL has no place for the zero character in a text.
    return str(value or "").replace("\0", "\N{REPLACEMENT CHARACTER}")


def finalise(session: Session, evaluation: Evaluation, status: Status) -> None:
    """End an evaluation with a final status, and bring the stored ranks up to date."""
    evaluation.status = status.value
    evaluation.finished_at = now()
    evaluation.lease_until = None
    evaluation.ready_at = None
    evaluation.progress = 1.0
    evaluation.message = ""
    if status in (Status.FAILED, Status.CANCELLED):
        _drop_findings(session, evaluation)
    evaluation.deferred = False
    rankings.refresh(session, evaluation.submission, evaluation.season)
    if status is not Status.SCORED:
        deferral.reconsider(session, evaluation)
    metrics.ended(session, evaluation)


def _drop_findings(session: Session, evaluation: Evaluation) -> None:
    """Take the figures of the stages that were done off an evaluation that has no verdict."""
    session.execute(delete(ReportRow).where(ReportRow.evaluation_id == evaluation.id))
    session.execute(
        delete(StageRow).where(StageRow.evaluation_id == evaluation.id, StageRow.digest.is_(None))
    )
    evaluation.octaves = evaluation.interval_low = evaluation.interval_high = None
    set_urgency(evaluation)
    evaluation.depth = evaluation.precision_db = evaluation.parameters = None
    evaluation.predictions_per_second = evaluation.device = evaluation.thumbnail = None


def put_back(evaluation: Evaluation, wait: timedelta) -> None:
    """Take the lease away and queue the evaluation again; nobody gets it before `wait` is over."""
    evaluation.status = Status.QUEUED.value
    evaluation.progress = 0.0
    evaluation.lease = None
    evaluation.lease_until = None
    evaluation.ready_at = monotonic_utcnow() + wait
