"""The pages."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from challenge.bundle import limits as bundle_limits
from challenge.results.verdicts import EXPLANATIONS
from leaderboard import openapi
from leaderboard.errors import Refused, not_found
from leaderboard.images import colormaps
from leaderboard.models import User
from leaderboard.services import artifacts, figures, machines, quotas, seasons, tokens
from leaderboard.views import board, entry
from leaderboard.views.api import take_bundle
from leaderboard.views.media import picture as made_picture
from leaderboard.web.auth import current_user
from leaderboard.web.request_context import app_context, read_session

pages = Blueprint("pages", __name__)
_YEAR = 365 * 24 * 3600


for _name, _filter in figures.FILTERS.items():
    pages.add_app_template_filter(_filter, _name)


pages.add_url_rule("/", "board", board.page)
pages.add_url_rule("/board.csv", "board_csv", board.table)


@pages.get("/board")
def board_by_name() -> BaseResponse:
    """The board has the first address; this is the one that people guess."""
    query: dict[str, Any] = request.args.to_dict()
    return redirect(url_for("pages.board", **query), 301)


@pages.get("/api")
def interface() -> str:
    """The interface, for people to read."""
    return render_template("interface.html", document=openapi.document(), resolve=openapi.resolve)


@pages.get("/submissions/<int:submission_id>")
def submission(submission_id: int) -> str:
    """A submission: its standing, its pictures, its proof."""
    with read_session() as db:
        return render_template("submission.html", **entry.context(db, submission_id))


@pages.get("/submit")
def submit_form() -> str:
    """The upload form."""
    return _submit_page(None)


def _submit_page(error: Refused | None) -> str:
    user = current_user()
    with read_session() as db:
        quota = quotas.quota(db, app_context().config, user) if user else None
    return render_template("submit.html", error=error, limits=bundle_limits, quota=quota)


@pages.post("/submit")
def submit() -> BaseResponse | tuple[str, int]:
    """Hand in a bundle by form."""
    try:
        answer, _new = take_bundle(_form_owner())
    except Refused as error:
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
        return Response(_submit_page(error), error.status, headers)
    return redirect(url_for("pages.submission", submission_id=answer["id"]), 303)


def _form_owner() -> User:
    user = current_user()
    if user is not None:
        return user
    with read_session() as db:
        token = tokens.find_token(db, request.form.get("token", "").strip())
        owner = token.user if token else None
    if owner is None:
        raise Refused(
            401,
            "token_invalid",
            "This token is not valid here.",
            "Sign in, and you need none; or make one on the page of your account.",
        )
    return owner


@pages.get("/rules")
def rules() -> str:
    """The challenge, the score, the only rule, the seasons, the limits, every reason."""
    with read_session() as db:
        return render_template(
            "rules.html",
            seasons=seasons.list_seasons(db),
            limits=bundle_limits,
            explanations=EXPLANATIONS,
            attempts=app_context().config.attempts,
            config=app_context().config,
            machines=machines.seen(db),
        )


def _picture(path: Path, *, for_ever: bool) -> Response:
    if not path.exists():
        raise not_found("picture")
    answer = send_file(path, mimetype="image/png", conditional=True, max_age=_YEAR if for_ever else 3600)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _coloured(path: Path) -> Response | None:
    """The picture in the colours that the query asks for; None for those that it has."""
    name = colormaps.chosen(request.args.get("colours"))
    if name == colormaps.FIRST or path.name == "error.png":
        return None
    if not path.exists():
        raise not_found("picture")
    return made_picture(colormaps.recoloured(path, name))


@pages.get("/truth/<slug>/<int:octave>.png")
def truth(slug: str, octave: int) -> Response:
    """The truth at a place and octave."""
    path = app_context().truth.path(slug, octave)
    return _coloured(path) or _picture(path, for_ever=True)


@pages.get("/evaluations/<int:evaluation_id>/<path:name>")
def artifact(evaluation_id: int, name: str) -> Response:
    """A picture that a worker made."""
    artifacts.check_name(name)
    path = artifacts.path_of(app_context().config, evaluation_id, name)
    return _coloured(path) or _picture(path, for_ever=False)
