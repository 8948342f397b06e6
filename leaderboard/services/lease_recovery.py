"""Evaluations whose worker or task was lost, and how they come to be judged all the same."""

import logging
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from challenge.results.verdicts import Reason, Status
from leaderboard.clock import monotonic_utcnow
from leaderboard.config import Config
from leaderboard.db import cause, on_commit
from leaderboard.models import Evaluation
from leaderboard.queue import Queue
from leaderboard.services import queue_order
from leaderboard.services.evaluations import fail_or_retry
from leaderboard.services.queue_order import live

log = logging.getLogger(__name__)


def send(sessions: sessionmaker[Session], queue: Queue, evaluation_id: int) -> None:
    """Send an evaluation that is committed to the workers, and note whether it went."""
    arrived = queue.send(evaluation_id)
    try:
        with sessions.begin() as session:
            mark_sent(session, evaluation_id, arrived=arrived)
    except SQLAlchemyError as error:
        # It is committed: nobody should hear that it failed, and the lease reaper sends it once more.
        log.warning("evaluation %d was sent, and that could not be noted: %s", evaluation_id, cause(error))


def send_on_commit(
    session: Session, sessions: sessionmaker[Session], queue: Queue, evaluation_id: int
) -> None:
    """Send an evaluation once the transaction that queues it is committed."""
    on_commit(session, lambda: send(sessions, queue, evaluation_id))


def reap_expired(session: Session, config: Config) -> list[int]:
    """Take back the leases that have run out, and name the evaluations that have to be sent now.

    Sent again, besides: the oldest that waits while nothing runs, for its task may be lost; and any that
    waits very long, at growing intervals. A task too many does no harm: its claim is refused.
    """
    moment = monotonic_utcnow()
    lost = session.scalars(
        select(Evaluation).where(live(), Evaluation.lease_until <= moment).with_for_update(skip_locked=True)
    )
    for evaluation in lost:
        fail_or_retry(
            evaluation, config, Reason.INTERNAL, "The worker that judged it was not heard of again."
        )
        if not evaluation.state.final:
            evaluation.send_at = moment
    session.flush()
    due = queue_order.due(session, moment)
    busy = session.scalar(select(Evaluation.id).where(live(), Evaluation.lease_until > moment).limit(1))
    if not due and busy is None:
        oldest = queue_order.oldest_sent(session)
        patience = timedelta(seconds=config.unclaimed_seconds)
        if oldest is not None and oldest.sent_at is not None and oldest.sent_at <= moment - patience:
            due = [oldest.id]
    return due


def release_worker(session: Session, config: Config, holder_id: int, *, counted: bool) -> int:
    """Take back every lease of a worker that is known to be gone; the number of them.

    `counted`: whether the attempt counts. It does when the worker crashed, so that a submission on which
    every worker dies comes to an end; it does not when people stopped it.
    """
    lost = session.scalars(
        select(Evaluation)
        .where(live(), Evaluation.lease_until.is_not(None), Evaluation.holder_id == holder_id)
        .with_for_update(skip_locked=True)
    ).all()
    for evaluation in lost:
        if not counted:
            evaluation.attempts -= 1
        fail_or_retry(evaluation, config, Reason.INTERNAL, "The worker that judged it ended.")
        if not evaluation.state.final:
            evaluation.send_at = monotonic_utcnow()
            evaluation.message = ""
    return len(lost)


def renew_all(session: Session, config: Config) -> None:
    """When a server starts: every lease has its whole time again, and whatever waits is sent soon.

    Workers could not renew their leases while there was no server, and the moments that an earlier one wrote
    may lie anywhere, where the clock was set meanwhile.
    """
    moment = monotonic_utcnow()
    held = (live(), Evaluation.lease_until.is_not(None))
    until = moment + timedelta(seconds=config.lease_seconds)
    session.execute(update(Evaluation).where(*held).values(lease_until=until))
    waiting = (live(), Evaluation.lease_until.is_(None))
    session.execute(update(Evaluation).where(*waiting, Evaluation.sent_at > moment).values(sent_at=moment))
    # It may have gone with the server; a task too many does no harm.
    latest = moment + timedelta(seconds=config.unclaimed_seconds)
    session.execute(update(Evaluation).where(*waiting, Evaluation.send_at > latest).values(send_at=latest))


def _patience(sends: int) -> timedelta:
    return timedelta(seconds=min(120 * 2 ** (sends - 1), 3600))


def mark_sent(session: Session, evaluation_id: int, *, arrived: bool) -> None:
    """Note that an evaluation was sent, or that the broker could not be reached."""
    evaluation = session.get(Evaluation, evaluation_id, with_for_update=True)
    if evaluation is None or evaluation.state is not Status.QUEUED:
        return
    if arrived:
        evaluation.sends += 1
        evaluation.sent_at = monotonic_utcnow()
    evaluation.send_at = monotonic_utcnow() + (
        _patience(evaluation.sends) if arrived else timedelta(seconds=10)
    )
