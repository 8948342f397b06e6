"""The pages."""

import json
import secrets
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, send_file, session, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from challenge import bundle as bundles
from challenge.places import PLACES
from challenge.report import Report
from challenge.verdicts import EXPLANATIONS, Reason, Status
from leaderboard.errors import Refused, not_found
from leaderboard.models import Evaluation, ReportRow, Submission, User
from leaderboard.services import (
    artifacts,
    evaluations,
    figures,
    plots,
    seasons,
    standings,
    submissions,
    texts,
    tokens,
)
from leaderboard.views.api import newest, take_bundle
from leaderboard.views.common import board_season, parts, reading

pages = Blueprint("pages", __name__)
_YEAR = 365 * 24 * 3600

# What a visitor sees as stages, in their order.
STAGES = (
    Status.QUEUED,
    Status.VALIDATING,
    Status.PREDICTING,
    Status.REFITTING,
    Status.PROBING,
    Status.RENDERING,
)


@pages.app_template_global()
def csrf_token() -> str:
    """The secret that a form has to send back; it lives in the signed cookie."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return str(session["csrf"])


for _name, _filter in figures.FILTERS.items():
    pages.add_app_template_filter(_filter, _name)


@pages.get("/")
def board() -> str:
    """The board; with ?part=1 only what changes while entries are judged."""
    with reading() as db:
        return render_template("board_part.html" if "part" in request.args else "board.html", **_board(db))


def _board(db: Session) -> dict[str, Any]:
    standing = standings.board(db, board_season(db))
    positions = evaluations.queue_positions(db)
    best = standing.entries[0] if standing.entries else None
    highest = max((e.evaluation.interval_high or 0.0 for e in standing.entries), default=0.0)
    return {
        "board": standing,
        "best": best,
        "axis": plots.axis(highest, standing.season.octaves),
        "pending": [(e, positions.get(e.id)) for e in standing.pending],
        "seasons": [row for row in seasons.list_seasons(db) if row.ranked],
        "places": {place.slug: place.name for place in PLACES},
    }


@pages.get("/submissions/<int:submission_id>")
def submission(submission_id: int) -> str:
    """A submission: its standing, its pictures, its proof."""
    with reading() as db:
        found, last = newest(db, submission_id)
        shown = _shown(found, last)
        row = db.get(ReportRow, shown.id)
        report = _report(row)
        return render_template(
            "submission.html",
            s=found,
            e=shown,
            last=last,
            position=evaluations.queue_position(db, last),
            stages=STAGES,
            report=report,
            curve=row and _curve(db, found, shown, row),
            zoom=_zoom(db, shown, report),
            explanation=EXPLANATIONS[Reason(shown.reason)] if shown.reason else None,
            rank=_rank(db, shown),
            sources={n: Markup(texts.source_html(t)) for n, t in submissions.sources(db, found).items()},  # noqa: S704 - made by pygments
            readme=Markup(texts.readme_html(submissions.text(db, found, "README.md"))),  # noqa: S704 - cleaned by nh3
            recipe=submissions.text(db, found, "train.toml"),
            passed_on=submissions.may_be_passed_on(found),
        )


def _report(row: ReportRow | None) -> Report | None:
    try:
        return Report.from_json(row.body) if row else None
    except ValueError:
        # A report of an older version: its figures stand in the evaluation, its tables are not shown.
        return None


def _shown(found: Submission, last: Evaluation) -> Evaluation:
    """While a submission is judged again, its page shows what it stands by."""
    if not last.state.final:
        for evaluation in reversed(found.evaluations):
            if evaluation.season.ranked and evaluation.octaves is not None:
                return evaluation
    return last


def _rank(db: Session, evaluation: Evaluation) -> tuple[int, int] | None:
    if evaluation.state is not Status.SCORED:
        return None
    entries = standings.board(db, evaluation.season).entries
    return next((entry.rank for entry in entries if entry.evaluation.id == evaluation.id), None)


def _curve(db: Session, found: Submission, evaluation: Evaluation, row: ReportRow) -> plots.Curve:
    others = [
        (other.name, other.id, skills)
        for other, skills in standings.reference_skills(db, evaluation.season)
        if other.id != found.id
    ]
    return plots.curve(
        found.name, found.id, standings.matrix(row.skill_by_chain, len(row.skill) // 8), others
    )


def _zoom(db: Session, evaluation: Evaluation, report: Report | None) -> dict[str, Any] | None:
    """The views of which there are pictures, and the one that the query asks for."""
    drawn = artifacts.views(db, evaluation.id)
    places = [
        {
            "slug": p.slug,
            "name": p.name,
            "sentence": p.sentence,
            "centre": p.centre,
            "octaves": [k for k in drawn[p.slug] if k in p.octaves],
        }
        for p in PLACES
        if any(k in p.octaves for k in drawn.get(p.slug, ()))
    ]
    if not places:
        return None
    wanted = request.args.get("place", "seahorse-valley")
    place = next((p for p in places if p["slug"] == wanted), places[0])
    octaves: list[int] = place["octaves"]  # type: ignore[assignment]
    asked = request.args.get("octave", type=int)
    if asked is None:
        # A little above its depth: it still draws the truth there, and begins to lose it.
        asked = round(report.depth) - 2 if report else octaves[0]
    octave = min(octaves, key=lambda k: abs(k - asked))
    index = octaves.index(octave)
    return {
        "evaluation": evaluation.id,
        "places": places,
        "place": place,
        "octave": octave,
        "before": octaves[index - 1] if index else None,
        "after": octaves[index + 1] if index + 1 < len(octaves) else None,
        "skill": report.skill[octave] if report and octave < len(report.skill) else None,
        "json": json.dumps(
            {
                "evaluation": evaluation.id,
                "places": places,
                "skill": list(report.skill) if report else [],
            },
            allow_nan=False,
        ),
    }


@pages.get("/submit")
def submit_form() -> str:
    """The upload form."""
    return render_template("submit.html", error=None, limits=bundles)


@pages.post("/submit")
def submit() -> BaseResponse | tuple[str, int]:
    """Hand in a bundle by form."""
    try:
        answer, _new = take_bundle(_form_owner())
    except Refused as error:
        return render_template("submit.html", error=error, limits=bundles), error.status
    return redirect(url_for("pages.submission", submission_id=answer["id"]), 303)


def _form_owner() -> User:
    sent = request.form.get("csrf", "")
    if not sent or not secrets.compare_digest(sent.encode(), str(session.get("csrf", "")).encode()):
        raise Refused(
            400, "csrf", "The form was open for too long, or cookies are off. Please send it again."
        )
    with reading() as db:
        token = tokens.find_token(db, request.form.get("token", "").strip())
        owner = token.user if token else None
    if owner is None:
        raise Refused(
            401,
            "token_invalid",
            "This token is not valid here.",
            "The people who run this server give you one: `mbc admin tokens new NAME`.",
        )
    return owner


@pages.get("/rules")
def rules() -> str:
    """The challenge, the score, the only rule, the seasons, the limits, every reason."""
    with reading() as db:
        return render_template(
            "rules.html",
            seasons=seasons.list_seasons(db),
            limits=bundles,
            explanations=EXPLANATIONS,
            attempts=parts().config.attempts,
        )


def _picture(path: Path, *, for_ever: bool) -> Response:
    if not path.exists():
        raise not_found("picture")
    answer = send_file(path, mimetype="image/png", conditional=True, max_age=_YEAR if for_ever else 3600)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@pages.get("/truth/<slug>/<int:octave>.png")
def truth(slug: str, octave: int) -> Response:
    """The truth at a place and octave."""
    return _picture(parts().truth.path(slug, octave), for_ever=True)


@pages.get("/evaluations/<int:evaluation_id>/<path:name>")
def artifact(evaluation_id: int, name: str) -> Response:
    """A picture that a worker made."""
    artifacts.check_name(name)
    return _picture(artifacts.path_of(parts().config, evaluation_id, name), for_ever=False)
