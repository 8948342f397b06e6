"""What is shown of entries besides their pages: pictures, films, comparisons, and what the probes mean."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from markupsafe import Markup
from sqlalchemy import select

from challenge.results.result_visuals import ControlEvidence, PictureFit, SurfaceFit
from leaderboard.charts import control_fits, surface
from leaderboard.errors import not_found
from leaderboard.images import colormaps, social_card, training_frames
from leaderboard.models import Evaluation
from leaderboard.services import artifacts, documents, figures, submissions, view_skills
from leaderboard.views import comparison, entry, view_picker
from leaderboard.views.api import newest
from leaderboard.web.auth import check_visible, visible_submission
from leaderboard.web.request_context import app_context, read_session

media = Blueprint("media", __name__)

_HOUR = 3600
_YEAR = 365 * 24 * _HOUR
_EVALUATION = "/evaluations/<int:evaluation_id>"


def picture(content: bytes, seconds: int = _HOUR) -> Response:
    """A PNG that the server made, with a tag that saves sending it twice."""
    answer = Response(content, mimetype="image/png")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    answer.make_conditional(request)
    return answer


media.app_template_global("here")(view_picker.here)


def _control(evaluation_id: int, index: int) -> ControlEvidence:
    with read_session() as db:
        check_visible(db, evaluation_id)
    held = artifacts.evidence(app_context().config, evaluation_id).controls
    if index >= len(held):
        raise not_found("picture")
    return held[index]


@media.get(f"{_EVALUATION}/controls/<int:index>/<any(known, fit):what>.png")
def control_image(evaluation_id: int, index: int, what: str) -> Response:
    """An image that was a control, as far as it was given, or as it was fitted."""
    held = _control(evaluation_id, index)
    if not isinstance(held, PictureFit):
        raise not_found("picture")
    try:
        return picture(control_fits.image_png(held, fit=what == "fit"))
    except ValueError:
        raise not_found("picture") from None


@media.get(f"{_EVALUATION}/controls/<int:index>/surface.json")
def control_surface(evaluation_id: int, index: int) -> Response:
    """A surface that was a control, to be turned by the reader: `known` [n][3], `grid` [rows][columns][3]."""
    held = _control(evaluation_id, index)
    if not isinstance(held, SurfaceFit):
        raise not_found("surface")
    try:
        found = surface.shape(held)
    except ValueError:
        raise not_found("surface") from None
    values: dict[str, Any] = {"known": found.known.round(3).tolist(), "grid": found.grid.round(3).tolist()}
    answer = jsonify(values)
    answer.headers["Cache-Control"] = f"public, max-age={_HOUR}"
    return answer


@media.get(f"{_EVALUATION}/skills.json")
def skills_of_views(evaluation_id: int) -> Response:
    """How right the model is at each place and octave, and where it is best and worst."""
    with read_session() as db:
        check_visible(db, evaluation_id)
        depth = db.scalars(select(Evaluation.depth).where(Evaluation.id == evaluation_id)).one()
        skills = view_skills.view_skills(db, app_context().config, evaluation_id)
    values = {
        "skills": skills,
        "best": view_skills.best(skills),
        "worst": view_skills.worst(skills, depth or 0.0),
    }
    answer = jsonify(values)
    answer.headers["Cache-Control"] = f"public, max-age={_HOUR}"
    return answer


@media.get("/submissions/<int:submission_id>/frames/<int:index>.png")
def frame(submission_id: int, index: int) -> Response:
    """One picture of the film of its learning."""
    return picture(training_frames.frame(_bundle(submission_id), index), _YEAR)


def _bundle(submission_id: int) -> Path:
    with read_session() as db:
        return submissions.path_of(app_context().config, visible_submission(db, submission_id).digest)


@media.get("/submissions/<int:submission_id>/card.png")
def card(submission_id: int) -> Response:
    """The picture that other sites show of an entry."""
    with read_session() as db:
        visible_submission(db, submission_id)
        found, last = newest(db, submission_id)
        now = entry.standing(found, last)
        name = now.thumbnail
        made = social_card.Card(
            name=found.name,
            author=found.author,
            figure=figures.octaves(now.octaves) if now.octaves is not None else now.status,
            unit="octaves" if now.octaves is not None else "",
            line=f"{now.season.name} · {found.weight_class} · {figures.size(found.bytes)}",
            picture=artifacts.path_of(app_context().config, now.id, name) if name else None,
        )
    return picture(social_card.draw(made))


@media.get("/compare")
def compare() -> str:
    """Two entries side by side; the query names them."""
    with read_session() as db:
        return render_template("compare.html", **comparison.context(db))


@media.get("/compare/<int:a>/<int:b>/<slug>/<int:octave>.png")
def beats(a: int, b: int, slug: str, octave: int) -> Response:
    """Where the one evaluation beats the other, at a place and octave."""
    name = f"{slug}/{octave:02d}/error.png"
    artifacts.check_name(name)
    with read_session() as db:
        for number in (a, b):
            check_visible(db, number)
    paths = [artifacts.path_of(app_context().config, number, name) for number in (a, b)]
    if not all(path.exists() for path in paths):
        raise not_found("picture")
    try:
        return picture(colormaps.beats(*paths))
    except ValueError:
        # Pictures of two versions of the judge may have two sizes.
        raise not_found("picture") from None


@media.get("/integrity")
def integrity() -> str:
    """What each probe asks, what honest models show, and what it cannot see."""
    try:
        found = documents.document("integrity")
    except FileNotFoundError:
        raise not_found("page") from None
    return render_template("document.html", document=found, html=Markup(found.html))  # noqa: S704 - our own text
