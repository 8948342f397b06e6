"""The pages."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from challenge.bundle import limits as bundle_limits
from challenge.results.verdicts import EXPLANATIONS
from leaderboard import formatting, openapi
from leaderboard.errors import Refused
from leaderboard.services import health, machines, quotas, seasons, submission_intake
from leaderboard.web.auth import current_user, require_user
from leaderboard.web.request_args import tracks_of, upload_path
from leaderboard.web.request_context import app_context, read_session

pages = Blueprint("pages", __name__)


for _name, _filter in formatting.FILTERS.items():
    pages.add_app_template_filter(_filter, _name)


@pages.get("/healthz")
def healthz() -> Response:
    """Whether this process answers."""
    return Response("ok\n", mimetype="text/plain")


@pages.get("/readyz")
def readyz() -> Response:
    """Whether this server can do its work; where it can and nobody judges, a second line says why."""
    problem = health.problem(app_context().readers, app_context().config)
    if problem:
        return Response(f"{problem}\n", 503, mimetype="text/plain")
    with read_session() as db:
        # Not this server's fault, so it stays ready.
        lines = filter(None, ("ok", machines.absence(db)))
        return Response("\n".join(lines) + "\n", mimetype="text/plain")


@pages.get("/api")
def interface() -> str:
    """The interface, for people to read."""
    return render_template("interface.html", document=openapi.document(), resolve=openapi.resolve)


@pages.get("/submit")
def submit_form() -> str:
    """The upload form."""
    return _submit_page(None)


def _submit_page(error: Refused | None) -> str:
    user = current_user()
    with read_session() as db:
        quota = quotas.quota(db, app_context().config, user) if user else None
        waiting, seconds = app_context().queue_view.expected_wait(db)
    return render_template(
        "submit.html",
        error=error,
        limits=bundle_limits,
        quota=quota,
        waiting=waiting,
        minutes=round(seconds / 60),
    )


@pages.post("/submit")
def submit() -> BaseResponse | tuple[str, int]:
    """Submit a bundle by form."""
    try:
        here, owner = app_context(), require_user()
        tracks = tracks_of(request.form.get("track", ""))
        taken = submission_intake.submit_bundle(
            here.writers, here.queue, here.config, owner, upload_path("bundle"), tracks
        )
    except Refused as error:
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
        return Response(_submit_page(error), error.status, headers)
    return redirect(url_for("entry.page", submission_id=taken.submission_id), 303)


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
            absence=machines.absence(db),
        )
