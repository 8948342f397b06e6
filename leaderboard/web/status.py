"""How submissions and evaluations stand, as JSON that people and programs follow."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from challenge.bundle.imports import import_warnings
from challenge.scoring.tracks import Track
from leaderboard.errors import not_found
from leaderboard.models import Evaluation, Submission
from leaderboard.services import (
    publication,
    queue_order,
    reports,
    reproductions,
    stages,
    standings,
    submissions,
)

_FIGURES = ("octaves", "interval", "depth", "precision_db", "universality")


def submission_status(session: Session, submission: Submission, track: Track | None = None) -> dict[str, Any]:
    """The evaluation of a submission on one track, and beside it those on all."""
    found = submissions.latest_by_track(session, submission)
    chosen = found.get(track) if track else next(iter(found.values()), None)
    if chosen is None:
        raise not_found("evaluation")
    states = {each: evaluation_status(session, one) for each, one in found.items()}
    return {
        "id": submission.id,
        "name": submission.name,
        "author": submission.author,
        "weight_class": submission.weight_class,
        "bytes": submission.bytes,
        "url": url_for("entry.page", submission_id=submission.id, _external=True),
        "warnings": import_warnings(
            {n: text.encode() for n, text in submissions.sources(session, submission).items()}
        ),
        **states[Track(chosen.track)],
        "evaluations": list(states.values()),
    }


def evaluation_status(session: Session, evaluation: Evaluation) -> dict[str, Any]:
    """One evaluation."""
    published = publication.figures(evaluation)
    return {
        "evaluation_id": evaluation.id,
        "track": evaluation.track,
        "machine": evaluation.machine,
        "status": evaluation.status,
        "final": evaluation.state.final or evaluation.deferred,
        "message": evaluation.message,
        "progress": evaluation.progress,
        "attempt": evaluation.attempts,
        "queue_position": queue_order.position(session, evaluation),
        "queue_seconds": _whole(queue_order.expected_start(session, evaluation)),
        "stages": [stage.value for stage in stages.done(session, evaluation)],
        "provisional": evaluation.provisional,
        "deferred": evaluation.deferred,
        "reason": evaluation.reason,
        "fault": evaluation.fault,
        "sentence": evaluation.sentence,
        "season": evaluation.season.name,
        **{name: published[name] for name in _FIGURES},
        "flagged": evaluation.flagged,
        "awaits_decision": evaluation.awaits_decision,
        "suggestion": found.sentence() if (found := reports.suggestion(session, evaluation)) else "",
        "place": _place(session, evaluation),
        "reproduction": _reproduction(session, evaluation),
    }


def _reproduction(session: Session, evaluation: Evaluation) -> dict[str, Any] | None:
    row = reproductions.of_evaluation(session, evaluation)
    return None if row is None else reproductions.to_dict(row, evaluation.season)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _place(session: Session, evaluation: Evaluation) -> dict[str, Any] | None:
    found = standings.neighbourhood(session, evaluation) if evaluation.ranks else None
    if found is None:
        return None
    gap = found.gap if evaluation.season.revealed else publication.round_figure(found.gap)
    return {"rank": list(found.rank), "entries": found.entries, "above": found.above, "gap": gap}
