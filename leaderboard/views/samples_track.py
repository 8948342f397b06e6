"""What the page of a submission shows of the samples track; pictures of targets only when they are public."""

from typing import Any

from flask import Blueprint, Response, send_file
from sqlalchemy.orm import Session

from challenge.results.result_visuals import Evidence
from challenge.results.samples_report import SamplesReport
from challenge.results.verdicts import EXPLANATIONS, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.charts import samples_track
from leaderboard.errors import not_found
from leaderboard.models import Evaluation, ReportRow
from leaderboard.services import artifacts, evaluations, standings
from leaderboard.services.standings import RankingGroup
from leaderboard.web.auth import check_visible
from leaderboard.web.request_context import app_context, read_session

samples_track_pages = Blueprint("samples_track", __name__)


def context(db: Session, shown: Evaluation | None) -> dict[str, Any] | None:
    """What the template of the samples track needs; None for a submission that is not on it."""
    if shown is None:
        return None
    report = _report(db, shown)
    revealed = shown.season.revealed
    evidence = artifacts.evidence(app_context().config, shown.id) if revealed and report else Evidence()
    return {
        "e": shown,
        "position": evaluations.queue_position(db, shown),
        "report": report,
        "rank": rank(db, shown),
        "revealed": revealed,
        "explanation": EXPLANATIONS[Reason(shown.reason)] if shown.reason else None,
        "lessons": samples_track.lessons(report, evidence, revealed=revealed) if report else None,
    }


def _report(db: Session, shown: Evaluation) -> SamplesReport | None:
    row = db.get(ReportRow, shown.id)
    try:
        return SamplesReport.from_json(row.body) if row else None
    except ValueError:
        # One of an older version: its figures stand in the evaluation.
        return None


def rank(db: Session, evaluation: Evaluation) -> tuple[int, int] | None:
    """The rank of an evaluation among those that it is compared with."""
    if evaluation.state is not Status.SCORED or not evaluation.season.ranked:
        return None
    group = RankingGroup(Track(evaluation.track), evaluation.machine or "")
    entries = standings.standing(db, evaluation.season, group).entries
    return next((entry.rank for entry in entries if entry.evaluation.id == evaluation.id), None)


@samples_track_pages.get("/evaluations/<int:evaluation_id>/samples/<int:target>/<picture>.png")
def target_picture(evaluation_id: int, target: int, picture: str) -> Response:
    """A target, or what was learned of it; not there while the season's secret is kept."""
    name = f"samples/{target}/{picture}.png"
    artifacts.check_samples_name(name)
    with read_session() as db:
        check_visible(db, evaluation_id)
        revealed = evaluations.get(db, evaluation_id).season.revealed
    path = artifacts.path_of(app_context().config, evaluation_id, name)
    if not revealed or not path.exists():
        raise not_found("picture")
    answer = send_file(path, mimetype="image/png", conditional=True, max_age=3600)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
