"""What people decide about evaluations: to cancel, disqualify, accept, or queue them again."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from challenge.results.verdicts import Status
from challenge.scoring.tracks import Track
from leaderboard.db import now
from leaderboard.errors import conflict, not_found
from leaderboard.models import Evaluation
from leaderboard.services import rankings
from leaderboard.services.evaluations import MAX_DETAIL, finalise, put_back


def cancel(session: Session, evaluation: Evaluation) -> Evaluation:
    """Stop an evaluation; a second time changes nothing, a final one is Refused."""
    session.refresh(evaluation, with_for_update=True)
    if evaluation.state is Status.CANCELLED:
        return evaluation
    if evaluation.state.final:
        raise conflict("final", f"It is {evaluation.status} already and cannot be cancelled.")
    finalise(session, evaluation, Status.CANCELLED)
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
    evaluation.detail = reason[:MAX_DETAIL]
    finalise(session, evaluation, Status.DISQUALIFIED)
    return evaluation


def accept(session: Session, evaluation: Evaluation, reason: str) -> Evaluation:
    """Let a flagged evaluation rank, by a person who looked at it; Refused with 409 where none is asked."""
    if not evaluation.awaits_decision:
        raise conflict(
            "not_flagged",
            f"Evaluation {evaluation.id} is {evaluation.status} and waits for nobody's decision.",
        )
    evaluation.accepted_at = now()
    evaluation.detail = f"{evaluation.detail} Accepted by a person: {reason}".strip()[:MAX_DETAIL]
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
        one.detail = reason[:MAX_DETAIL]


def requeue(session: Session, evaluation: Evaluation) -> Evaluation:
    """Take an evaluation from its worker, which is refused from then on, and let it wait again at once."""
    session.refresh(evaluation, with_for_update=True)
    if evaluation.state.final:
        raise conflict(
            "final", f"Evaluation {evaluation.id} is {evaluation.status}; `rejudge` queues a new one."
        )
    put_back(evaluation, timedelta())
    evaluation.ready_at, evaluation.message = None, ""
    evaluation.attempts = 0
    session.flush()
    return evaluation
