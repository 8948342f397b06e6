"""Evaluations whose worker was lost, and how they come to be judged all the same."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from challenge.results.verdicts import Reason
from leaderboard.clock import monotonic_utcnow
from leaderboard.config import Config
from leaderboard.models import Evaluation
from leaderboard.services.outcomes import fail_or_retry
from leaderboard.services.queue_order import live


def reap_expired(session: Session, config: Config) -> list[int]:
    """Take back the leases that have run out; the ids of the evaluations that had them."""
    lost = session.scalars(
        select(Evaluation)
        .where(live(), Evaluation.lease_until <= monotonic_utcnow())
        .with_for_update(skip_locked=True)
    ).all()
    for evaluation in lost:
        fail_or_retry(
            session, evaluation, config, Reason.INTERNAL, "The worker that judged it was not heard of again."
        )
        if not evaluation.state.final:
            # The worker was lost, and another one need not wait.
            evaluation.ready_at = None
    return [evaluation.id for evaluation in lost]


def release_worker(session: Session, config: Config, holder_id: int, *, counted: bool) -> int:
    """Take back every lease of a worker that is known to be gone.

    Args:
        session: writes.
        config: says how often an evaluation is tried.
        holder_id: the worker's token.
        counted: whether the attempt counts. It does when the worker crashed, so that a submission on which
            every worker dies comes to an end; it does not when people stopped it.

    Returns:
        How many leases were taken back.
    """
    lost = session.scalars(
        select(Evaluation)
        .where(live(), Evaluation.lease_until.is_not(None), Evaluation.holder_id == holder_id)
        .with_for_update(skip_locked=True)
    ).all()
    for evaluation in lost:
        if not counted:
            evaluation.attempts -= 1
        fail_or_retry(session, evaluation, config, Reason.INTERNAL, "The worker that judged it ended.")
        if not evaluation.state.final:
            evaluation.ready_at = None
            evaluation.message = ""
    return len(lost)


def renew_all(session: Session, config: Config) -> None:
    """When a server starts: give every lease its whole time again, and end pauses soon.

    Workers could not renew their leases while there was no server, and the moments that an earlier process
    wrote may lie anywhere if the machine's clock was set meanwhile.
    """
    moment = monotonic_utcnow()
    until = moment + timedelta(seconds=config.lease_seconds)
    session.execute(
        update(Evaluation).where(live(), Evaluation.lease_until.is_not(None)).values(lease_until=until)
    )
    latest = moment + timedelta(seconds=config.lease_seconds)
    session.execute(
        update(Evaluation)
        .where(live(), Evaluation.lease_until.is_(None), Evaluation.ready_at > latest)
        .values(ready_at=latest)
    )
