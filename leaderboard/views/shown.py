"""What is shown of an evaluation besides its page: the pictures of its controls, and what the probes mean."""

import hashlib
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from markupsafe import Markup

from challenge.evidence import ControlEvidence, PictureFit, SurfaceFit
from leaderboard.errors import not_found
from leaderboard.services import artifacts, documents, fits, surfaces
from leaderboard.views.common import parts

shown = Blueprint("shown", __name__)

_HOUR = 3600
_EVALUATION = "/evaluations/<int:evaluation_id>"


def picture(content: bytes, seconds: int = _HOUR) -> Response:
    """A PNG that the server made, with a tag that saves sending it twice."""
    answer = Response(content, mimetype="image/png")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    answer.make_conditional(request)
    return answer


def _control(evaluation_id: int, index: int) -> ControlEvidence:
    held = artifacts.evidence(parts().config, evaluation_id).controls
    if index >= len(held):
        raise not_found("picture")
    return held[index]


@shown.get(f"{_EVALUATION}/controls/<int:index>/<any(known, fit):what>.png")
def control_image(evaluation_id: int, index: int, what: str) -> Response:
    """An image that was a control, as far as it was given, or as it was fitted."""
    held = _control(evaluation_id, index)
    if not isinstance(held, PictureFit):
        raise not_found("picture")
    try:
        return picture(fits.image_png(held, fit=what == "fit"))
    except ValueError:
        raise not_found("picture") from None


@shown.get(f"{_EVALUATION}/controls/<int:index>/surface.json")
def control_surface(evaluation_id: int, index: int) -> Response:
    """A surface that was a control, to be turned by the reader: `known` [n][3], `grid` [rows][columns][3]."""
    held = _control(evaluation_id, index)
    if not isinstance(held, SurfaceFit):
        raise not_found("surface")
    try:
        found = surfaces.shape(held)
    except ValueError:
        raise not_found("surface") from None
    values: dict[str, Any] = {"known": found.known.round(3).tolist(), "grid": found.grid.round(3).tolist()}
    answer = jsonify(values)
    answer.headers["Cache-Control"] = f"public, max-age={_HOUR}"
    return answer


@shown.get("/integrity")
def integrity() -> str:
    """What each probe asks, what honest models show, and what it cannot see."""
    try:
        found = documents.document("integrity")
    except FileNotFoundError:
        raise not_found("page") from None
    return render_template("document.html", document=found, html=Markup(found.html))  # noqa: S704 - our own text
