"""Leases: a worker claims an evaluation, and the holder of its lease alone may report on it."""

import math
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.tracks import CPU
from leaderboard.clock import monotonic_utcnow
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.errors import Refused, conflict
from leaderboard.models import Evaluation, StageRow, Token
from leaderboard.services import artifacts, queue_order, settings
from leaderboard.services.changes import touch
from leaderboard.services.evaluations import clean_text, get
from leaderboard.services.queue_order import live
from leaderboard.services.tokens import digest_of


@dataclass(frozen=True)
class Claim:
    """What a worker gets with a lease."""

    lease: str
    evaluation: Evaluation


def claim_next(session: Session, config: Config, holder: Token, machine: str = CPU) -> Claim | None:
    """Take the lease of the evaluation whose turn it is on that class of machine; None where none waits.

    None as well while judging is paused.
    """
    if settings.paused(session) is not None:
        return None
    found = queue_order.next_claimable(session, config.attempts, machine)
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
            ~Evaluation.deferred,
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
    touch(session, evaluation.submission_id)
    learned = select(StageRow.stage).where(StageRow.evaluation_id == evaluation_id)
    artifacts.delete_rows(session, evaluation_id, but=artifacts.of_targets(session.scalars(learned)))
    return Claim(lease, evaluation)


def check_lease(session: Session, evaluation_id: int, lease: str | None) -> Evaluation:
    """The live evaluation that this lease is for; Refused with 409 otherwise.

    A lease that has run out is still accepted while nobody else has taken the evaluation.
    """
    evaluation = get(session, evaluation_id)
    session.refresh(evaluation, with_for_update=True)
    if evaluation.state.final:
        raise conflict("final", f"Evaluation {evaluation_id} is {evaluation.status}.")
    if not lease or evaluation.lease != digest_of(lease):
        raise conflict("lease_lost", f"This lease does not hold evaluation {evaluation_id} any more.")
    return evaluation


def release(session: Session, evaluation_id: int, lease: str | None) -> Evaluation:
    """Let an evaluation wait for its turn again, whose worker stops; that was no attempt that failed."""
    evaluation = check_lease(session, evaluation_id, lease)
    wait_again(evaluation, "Its worker stopped; another one goes on.")
    return evaluation


def wait_again(evaluation: Evaluation, message: str) -> None:
    """Take an evaluation from its worker at a moment at which nothing of it is lost."""
    evaluation.status = Status.QUEUED.value
    evaluation.progress = 0.0
    evaluation.message = message
    evaluation.attempts -= 1
    evaluation.lease = None
    evaluation.lease_until = None
    evaluation.ready_at = None


def update_progress(
    session: Session, config: Config, evaluation_id: int, lease: str | None, values: dict[str, Any]
) -> Evaluation:
    """Take a worker's word on how far it is, and renew its lease."""
    evaluation = check_lease(session, evaluation_id, lease)
    try:
        status = Status(values["status"])
        progress = float(values.get("progress") or 0.0)
        message = clean_text(values.get("message"))
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
