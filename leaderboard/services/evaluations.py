"""The life of an evaluation: queued, claimed under a lease, told of, reported or failed, sent again.

Whoever holds the lease may speak for the evaluation. Every change is one UPDATE that names the state it
starts from, so of two workers that claim, or two that report, one wins.
"""

import json
import logging
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from challenge.results.rejection_reasons import flag_reasons
from challenge.results.report import Report
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import EXPLANATIONS, Fault, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.clock import monotonic_utcnow
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import Refused, conflict, not_found
from leaderboard.models import Evaluation, ReportRow, SeasonRow, StageRow, Submission, Token, User
from leaderboard.services import artifacts, queue_order, rankings
from leaderboard.services.queue_order import live
from leaderboard.services.reports import read_report, skill_table
from leaderboard.services.tokens import digest_of

log = logging.getLogger(__name__)

_DETAIL = 1000
_LONGEST_WAIT = 600.0


@dataclass(frozen=True)
class Claim:
    """What a worker gets with a lease."""

    lease: str
    evaluation: Evaluation


def queue_evaluation(
    session: Session, submission: Submission, season: SeasonRow, track: Track = Track.OPEN
) -> Evaluation:
    """A new evaluation of a submission in a season, on a track; Refused while another one is under way."""
    if season.ranked and season.revealed:
        raise conflict("season_over", f"Season {season.name} is over, and its board does not change.")
    evaluation = Evaluation(
        submission_id=submission.id,
        season_id=season.id,
        track=track.value,
        turn_at=queue_order.turn(session, session.get_one(User, submission.user_id), track),
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
    return evaluation


def get(session: Session, evaluation_id: int) -> Evaluation:
    """The evaluation; Refused with 404."""
    evaluation = session.get(Evaluation, evaluation_id)
    if evaluation is None:
        raise not_found("evaluation")
    return evaluation


def claim_next(session: Session, config: Config, holder: Token) -> Claim | None:
    """Take the lease of the evaluation whose turn it is; None where none waits."""
    found = queue_order.next_claimable(session, config.attempts)
    return None if found is None else claim(session, config, found, holder)


def claim(session: Session, config: Config, evaluation_id: int, holder: Token) -> Claim:
    """Take the lease of an evaluation that waits; Refused with 404, or 409 where it does not wait."""
    moment = monotonic_utcnow()
    lease = secrets.token_urlsafe(24)
    won = session.execute(
        update(Evaluation)
        .where(
            Evaluation.id == evaluation_id,
            live(),
            or_(Evaluation.lease_until.is_(None), Evaluation.lease_until <= moment),
            Evaluation.attempts < config.attempts,
        )
        .values(
            lease=digest_of(lease),
            lease_until=moment + timedelta(seconds=config.lease_seconds),
            holder_id=holder.id,
            attempts=Evaluation.attempts + 1,
            claimed_at=now(),
            ready_at=None,
            status=Status.VALIDATING.value,
            progress=0.0,
            message="",
            detail="",
        )
        .execution_options(synchronize_session=False)
    )
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation)
    if won.rowcount != 1:  # type: ignore[attr-defined]
        if evaluation.state.final:
            raise conflict("final", f"Evaluation {evaluation_id} is {evaluation.status}.")
        raise conflict("leased", f"Another worker holds evaluation {evaluation_id}.")
    artifacts.delete_rows(session, evaluation_id)
    return Claim(lease, evaluation)


def check_lease(session: Session, evaluation_id: int, lease: str | None) -> Evaluation:
    """The live evaluation that this lease speaks for; Refused with 409 otherwise.

    A lease that has run out still speaks while nobody else has taken the evaluation.
    """
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation, with_for_update=True)
    if evaluation.state.final:
        raise conflict("final", f"Evaluation {evaluation_id} is {evaluation.status}.")
    if not lease or evaluation.lease != digest_of(lease):
        raise conflict("lease_lost", f"This lease does not hold evaluation {evaluation_id} any more.")
    return evaluation


def _text(value: Any) -> str:
    # PostgreSQL has no place for the zero character in a text.
    return str(value or "").replace("\0", "\N{REPLACEMENT CHARACTER}")


def update_progress(
    session: Session, config: Config, evaluation_id: int, lease: str | None, values: dict[str, Any]
) -> Evaluation:
    """Take a worker's word on how far it is, and renew its lease."""
    evaluation = check_lease(session, evaluation_id, lease)
    try:
        status = Status(values["status"])
        progress = float(values.get("progress") or 0.0)
        message = _text(values.get("message"))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(
            422, "status_invalid", "A status has a known name, a number as progress, a text as message."
        ) from error
    if status.final or status is Status.QUEUED:
        raise Refused(
            422, "status_invalid", "A worker may not set this status; it posts a report or a failure."
        )
    evaluation.status = status.value
    evaluation.progress = min(max(progress, 0.0), 1.0) if math.isfinite(progress) else 0.0
    evaluation.message = message[:200]
    evaluation.lease_until = monotonic_utcnow() + timedelta(seconds=config.lease_seconds)
    return evaluation


def record_report(session: Session, evaluation_id: int, lease: str | None, values: Any) -> Evaluation:
    """Take the report: the evaluation is scored or rejected. The same report again changes nothing."""
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation, with_for_update=True)
    try:
        body = json.dumps(values, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise Refused(
            422, "report_invalid", "The report cannot be taken: it holds NaN or infinity."
        ) from error
    digest = digest_of(body)
    known = session.get(ReportRow, evaluation_id)
    if evaluation.state.final and known is not None and known.digest == digest:
        return evaluation
    evaluation = check_lease(session, evaluation_id, lease)
    report = read_report(values, evaluation)
    if known is not None and not np.array_equal(
        skill_table(known.skill_by_chain, len(report.skill)), np.array(report.skill_by_chain)
    ):
        raise Refused(422, "report_invalid", "The report's skills are not those of its first stage.")
    store_report(session, evaluation, report, values)
    evaluation.detail = _verdict_detail(report)
    session.execute(
        delete(StageRow).where(StageRow.evaluation_id == evaluation_id, StageRow.digest.is_(None))
    )
    _finalise(session, evaluation, Status(report.verdict))
    return evaluation


def store_report(
    session: Session, evaluation: Evaluation, report: Report | SamplesReport, values: dict[str, Any]
) -> None:
    """Store a report and its figures, in place of the one of the first stage.

    Args:
        session: writes.
        evaluation: whose report.
        report: checked against what was asked.
        values: the same as the worker sent it.
    """
    body = json.dumps(values, sort_keys=True, allow_nan=False)
    row = session.get(ReportRow, evaluation.id) or ReportRow(evaluation_id=evaluation.id)
    row.digest, row.body = digest_of(body), body
    row.skill = np.array(report.skill, dtype="<f8").tobytes()
    row.skill_by_chain = np.array(report.skill_by_chain, dtype="<f8").tobytes()
    session.add(row)
    evaluation.octaves = report.octaves
    evaluation.interval_low, evaluation.interval_high = report.interval
    evaluation.depth = report.depth
    evaluation.precision_db = report.precision_db
    evaluation.universality = report.universality.score if report.universality else None
    evaluation.parameters = report.parameters
    evaluation.predictions_per_second = report.predictions_per_second
    evaluation.device = _text(report.device)[:80]
    if isinstance(report, Report):
        evaluation.flagged = bool(report.integrity and report.integrity.flagged)
        evaluation.accepted_at = None
        evaluation.thumbnail = artifacts.deepest(session, evaluation.id, report.skill)
    else:
        evaluation.machine = report.calibration.machine


def _verdict_detail(report: Report | SamplesReport) -> str:
    if report.verdict == Status.REJECTED.value:
        return _text(report.sentence)[:_DETAIL]
    names = [one.name for one in flag_reasons(report)] if isinstance(report, Report) else []
    return f"Flagged by {' and '.join(names)}." if names else ""


def _finalise(session: Session, evaluation: Evaluation, status: Status) -> None:
    evaluation.status = status.value
    evaluation.finished_at = now()
    evaluation.lease_until = None
    evaluation.ready_at = None
    evaluation.progress = 1.0
    evaluation.message = ""
    if status in (Status.FAILED, Status.CANCELLED):
        _drop_findings(session, evaluation)
    rankings.refresh(session, evaluation.submission, evaluation.season)


def _drop_findings(session: Session, evaluation: Evaluation) -> None:
    """Take the figures of the stages that were done off an evaluation that has no verdict."""
    session.execute(delete(ReportRow).where(ReportRow.evaluation_id == evaluation.id))
    session.execute(
        delete(StageRow).where(StageRow.evaluation_id == evaluation.id, StageRow.digest.is_(None))
    )
    evaluation.octaves = evaluation.interval_low = evaluation.interval_high = None
    evaluation.depth = evaluation.precision_db = evaluation.parameters = None
    evaluation.predictions_per_second = evaluation.device = evaluation.thumbnail = None


def record_failure(
    session: Session, config: Config, evaluation_id: int, lease: str | None, values: Any
) -> Evaluation:
    """Take a failure: final where the submission is at fault; queued again, a few times, where we are."""
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation, with_for_update=True)
    values = values if isinstance(values, dict) else {}
    try:
        reason = Reason(values.get("reason"))
    except ValueError:
        # Unknown is our fault.
        reason = Reason.INTERNAL
    detail = _text(values.get("detail"))[:_DETAIL]
    same = evaluation.reason == reason.value and evaluation.detail.startswith(detail)
    if evaluation.state is Status.FAILED and same and lease and evaluation.lease == digest_of(lease):
        return evaluation
    check_lease(session, evaluation_id, lease)
    fail_or_retry(session, evaluation, config, reason, detail)
    session.flush()
    return evaluation


def fail_or_retry(
    session: Session, evaluation: Evaluation, config: Config, reason: Reason, detail: str
) -> None:
    """End an evaluation that failed, or queue it again where we are at fault and may still try."""
    fault = EXPLANATIONS[reason].fault
    if fault is Fault.PLATFORM:
        log.warning(
            "evaluation %d, attempt %d of %d: %s %s",
            evaluation.id,
            evaluation.attempts,
            config.attempts,
            EXPLANATIONS[reason].sentence,
            detail,
        )
    if fault is Fault.PLATFORM and evaluation.attempts < config.attempts:
        # Each attempt waits longer: a full disk is not free again in a second.
        wait = min(config.sweep_seconds * 4 ** max(evaluation.attempts - 1, 0), _LONGEST_WAIT)
        _requeue(evaluation, timedelta(seconds=wait))
        evaluation.message = (
            f"Attempt {evaluation.attempts} ended by our own fault; it starts again by itself."
        )
        evaluation.detail = ""
        return
    if reason is Reason.INTERNAL:
        detail = f"{detail} All {evaluation.attempts} attempts ended so: an administrator has to look at it."
    evaluation.reason = reason.value
    evaluation.fault = fault.value
    evaluation.detail = detail.strip()
    _finalise(session, evaluation, Status.FAILED)


def _requeue(evaluation: Evaluation, wait: timedelta) -> None:
    evaluation.status = Status.QUEUED.value
    evaluation.progress = 0.0
    evaluation.lease = None
    evaluation.lease_until = None
    evaluation.ready_at = monotonic_utcnow() + wait


def cancel(session: Session, evaluation: Evaluation) -> Evaluation:
    """Stop an evaluation; a second time changes nothing, a final one is Refused."""
    session.refresh(evaluation, with_for_update=True)
    if evaluation.state is Status.CANCELLED:
        return evaluation
    if evaluation.state.final:
        raise conflict("final", f"It is {evaluation.status} already and cannot be cancelled.")
    _finalise(session, evaluation, Status.CANCELLED)
    return evaluation


def cancel_submission(session: Session, latest: Mapping[Track, Evaluation], track: Track | None) -> None:
    """Stop what is under way of a submission on a track, or on all where it is None.

    Args:
        session: writes.
        latest: the newest evaluation on each track.
        track: where; Refused with 404 if there is no evaluation on it.

    Raises:
        Refused: 409 where nothing is under way.
    """
    wanted = [one for one in latest.values() if track in (None, one.track)]
    if not wanted:
        raise not_found("evaluation")
    for one in [one for one in wanted if not one.state.final] or wanted[:1]:
        cancel(session, one)


def disqualify(session: Session, evaluation: Evaluation, reason: str) -> Evaluation:
    """Set a judged evaluation aside, by a person; its figures stay."""
    if evaluation.state not in (Status.SCORED, Status.REJECTED):
        raise conflict(
            "not_judged",
            f"Evaluation {evaluation.id} is {evaluation.status}; only a judged one can be disqualified.",
        )
    evaluation.detail = reason[:_DETAIL]
    _finalise(session, evaluation, Status.DISQUALIFIED)
    return evaluation


def accept(session: Session, evaluation: Evaluation, reason: str) -> Evaluation:
    """Let a flagged evaluation rank, by a person who looked at it; Refused with 409 where none is asked."""
    if not evaluation.awaits_decision:
        raise conflict(
            "not_flagged",
            f"Evaluation {evaluation.id} is {evaluation.status} and waits for nobody's decision.",
        )
    evaluation.accepted_at = now()
    evaluation.detail = f"{evaluation.detail} Accepted by a person: {reason}".strip()[:_DETAIL]
    rankings.refresh(session, evaluation.submission, evaluation.season)
    return evaluation


def disqualify_all(session: Session, found: Sequence[Evaluation], reason: str) -> None:
    """Set a submission aside: disqualify what is judged, and stop what waits or is under way.

    Args:
        session: writes.
        found: the newest evaluation of the submission on each track that is meant.
        reason: a sentence that everybody can read.

    Raises:
        Refused: 409 where none of them is judged, waits, or is under way.
    """
    judged = [one for one in found if one.state in {Status.SCORED, Status.REJECTED}]
    alive = [one for one in found if not one.state.final]
    if not judged and not alive:
        disqualify(session, found[0], reason)
    for one in judged:
        disqualify(session, one, reason)
    for one in alive:
        cancel(session, one)
        one.detail = reason[:_DETAIL]


def requeue(session: Session, evaluation: Evaluation) -> Evaluation:
    """Take an evaluation from its worker, which is refused from then on, and let it wait again at once."""
    session.refresh(evaluation, with_for_update=True)
    if evaluation.state.final:
        raise conflict(
            "final", f"Evaluation {evaluation.id} is {evaluation.status}; `rejudge` queues a new one."
        )
    _requeue(evaluation, timedelta())
    evaluation.ready_at, evaluation.message = None, ""
    evaluation.attempts = 0
    session.flush()
    return evaluation


def list_live(session: Session) -> Sequence[Evaluation]:
    """What is under way, and what waits, in the order of the queue."""
    return session.scalars(
        queue_order.in_turn(select(Evaluation))
        .join(Evaluation.submission)
        .options(contains_eager(Evaluation.submission))
        .where(live())
    ).all()
