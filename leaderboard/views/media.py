"""What is shown of entries besides their pages: pictures, films, and what the probes mean."""

from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session

from challenge.results.result_visuals import ControlFit, PictureFit, SurfaceFit
from leaderboard import formatting
from leaderboard.charts import control_charts, surface
from leaderboard.errors import Refused, not_found
from leaderboard.images import colormaps, social_card, training_frames
from leaderboard.services import artifacts, evaluations, submissions, view_skills
from leaderboard.storage import storage_of
from leaderboard.web import documents, view_picker
from leaderboard.web.auth import check_visible, visible_submission
from leaderboard.web.request_context import app_context, read_session
from leaderboard.web.responses import HOUR, YEAR, png, png_file, tagged_png

media = Blueprint("media", __name__)

_EVALUATION = "/evaluations/<int:evaluation_id>"


media.app_template_global("here")(view_picker.here)


def _control(evaluation_id: int, index: int) -> ControlFit:
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
        return png(control_charts.image_png(held, fit=what == "fit"))
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
    answer.headers["Cache-Control"] = f"public, max-age={HOUR}"
    return answer


@media.get(f"{_EVALUATION}/skills.json")
def skills_of_views(evaluation_id: int) -> Response:
    """How right the model is at each place and octave, and where it is best and worst."""
    with read_session() as db:
        check_visible(db, evaluation_id)
        depth = evaluations.get(db, evaluation_id).depth
        skills = view_skills.view_skills(db, app_context().config, evaluation_id)
    values = {
        "skills": skills,
        "best": view_skills.best(skills),
        "worst": view_skills.worst(skills, depth or 0.0),
    }
    answer = jsonify(values)
    answer.headers["Cache-Control"] = f"public, max-age={HOUR}"
    return answer


@media.get("/submissions/<int:submission_id>/frames/<int:index>.png")
def frame(submission_id: int, index: int) -> Response:
    """One picture of the film of its learning."""
    with read_session() as db:
        bundle = submissions.bundle_key(visible_submission(db, submission_id).digest)
    return png(training_frames.frame(storage_of(app_context().config), bundle, index), YEAR)


@media.get("/submissions/<int:submission_id>/card.png")
def card(submission_id: int) -> Response:
    """The picture that other sites show of an entry."""
    with read_session() as db:
        found = visible_submission(db, submission_id)
        now = submissions.displayed(found, submissions.latest_on(db, found, None))
        name = now.thumbnail
        made = social_card.SocialCard(
            name=found.name,
            author=found.author,
            figure=formatting.octaves(now.octaves) if now.octaves is not None else now.status,
            unit="octaves" if now.octaves is not None else "",
            line=f"{now.season.name} · {found.weight_class} · {formatting.size(found.bytes)}",
            picture=_thumbnail(db, now.id, name) if name else None,
        )
    return png(social_card.draw(made))


def _thumbnail(db: Session, evaluation_id: int, name: str) -> bytes | None:
    try:
        row = artifacts.find(db, evaluation_id, name)
        return artifacts.read(app_context().config, evaluation_id, name, row.digest)
    except Refused:
        # A card without its picture beats no card.
        return None


@media.get("/truth/<slug>/<int:octave>.png")
def truth(slug: str, octave: int) -> Response:
    """The truth at a place and octave."""
    path = app_context().truth.path(slug, octave)
    colours = _colours()
    if colours is None:
        return png_file(path, YEAR)
    return png(colormaps.recolour(path.read_bytes(), colours))


@media.get(f"{_EVALUATION}/<path:name>")
def artifact(evaluation_id: int, name: str) -> Response:
    """A picture that a worker made."""
    artifacts.check_name(name)
    colours = None if name.endswith("/error.png") else _colours()
    return _artifact(evaluation_id, name, colours)


def _artifact(evaluation_id: int, name: str, colours: str | None = None) -> Response:
    config = app_context().config
    with read_session() as db:
        digest = artifacts.find(db, evaluation_id, name).digest

    def make() -> bytes:
        content = artifacts.read(config, evaluation_id, name, digest)
        return colormaps.recolour(content, colours) if colours else content

    return tagged_png(f"{digest[:32]}-{colours}" if colours else digest[:32], make)


def _colours() -> str | None:
    """The colours that the query asks for; None for those that pictures have."""
    name = colormaps.chosen(request.args.get("colours"))
    return None if name == colormaps.DEFAULT else name


@media.get(f"{_EVALUATION}/samples/<int:target>/<picture>.png")
def target_picture(evaluation_id: int, target: int, picture: str) -> Response:
    """A target, or what was learned of it; not there while the season's secret is kept."""
    name = f"samples/{target}/{picture}.png"
    artifacts.check_samples_name(name)
    with read_session() as db:
        check_visible(db, evaluation_id)
        revealed = evaluations.get(db, evaluation_id).season.revealed
    if not revealed:
        raise not_found("picture")
    return _artifact(evaluation_id, name)


@media.get("/integrity")
def integrity() -> str:
    """What each probe asks, what honest models show, and what it cannot see."""
    try:
        found = documents.document("integrity")
    except FileNotFoundError:
        raise not_found("page") from None
    return render_template("document.html", document=found, html=Markup(found.html))  # noqa: S704 - our own text
