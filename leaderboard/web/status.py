"""How submissions and evaluations stand, as JSON that people and programs follow."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from challenge.scoring.tracks import Track
from leaderboard.errors import not_found
from leaderboard.models import Evaluation, Submission
from leaderboard.services import (
    import_advice,
    publication,
    reports,
    reproductions,
    stages,
    standings,
    submissions,
)
from leaderboard.web.request_context import app_context

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
        "warnings": list(import_advice.warnings(session, submission)),
        **states[Track(chosen.track)],
        "evaluations": list(states.values()),
    }


def evaluation_status(session: Session, evaluation: Evaluation) -> dict[str, Any]:
    """One evaluation."""
    published = publication.figures(evaluation)
    here = app_context()
    place = here.queue_view.place(session, evaluation)
    return {
        "evaluation_id": evaluation.id,
        "track": evaluation.track,
        "machine": evaluation.machine,
        "status": evaluation.status,
        "final": evaluation.state.final or evaluation.deferred,
        "message": evaluation.message,
        "progress": evaluation.progress,
        "attempt": evaluation.attempts,
        "queue_position": place and place.position,
        "queue_seconds": place and round(place.seconds),
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
        **here.standings.get(evaluation, lambda: _standing(session, evaluation)),
    }


def _standing(session: Session, evaluation: Evaluation) -> dict[str, Any]:
    found = reports.suggestion(session, evaluation)
    return {
        "suggestion": found.sentence() if found else "",
        "place": _place(session, evaluation),
        "reproduction": _reproduction(session, evaluation),
    }


def _reproduction(session: Session, evaluation: Evaluation) -> dict[str, Any] | None:
    row = reproductions.of_evaluation(session, evaluation)
    return None if row is None else reproductions.to_dict(row, evaluation.season)


def _place(session: Session, evaluation: Evaluation) -> dict[str, Any] | None:
    found = standings.neighbourhood(session, evaluation) if evaluation.ranks else None
    if found is None:
        return None
    gap = found.gap if evaluation.season.revealed else publication.round_figure(found.gap)
    return {"rank": list(found.rank), "entries": found.entries, "above": found.above, "gap": gap}
