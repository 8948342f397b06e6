"""Everything of a leaderboard that may be public, as plain values."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.models import Evaluation, ReportRow, Submission
from leaderboard.services import publication, seasons, standings


def export(session: Session) -> dict[str, Any]:
    """Seasons, submissions, evaluations and reports, without open secrets, tokens or hidden entries."""
    rows = session.scalars(
        select(Evaluation)
        .join(Evaluation.submission)
        .where(Submission.hidden_at.is_(None))
        .order_by(Evaluation.id)
    )
    return {
        "seasons": [seasons.to_public_dict(row) for row in seasons.list_seasons(session)],
        "evaluations": [
            standings.Entry(row).to_dict()
            | {
                "season": row.season.name,
                "digest": row.submission.digest,
                "user": row.submission.user.name,
                "reason": row.reason,
                "sentence": row.sentence,
                "report": _report(session, row),
            }
            for row in rows
        ],
    }


def _report(session: Session, evaluation: Evaluation) -> Any:
    row = session.get(ReportRow, evaluation.id)
    return row and json.loads(publication.report_json(row, evaluation))
