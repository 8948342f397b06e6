"""The page of those who run the board, behind an administrator's account."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from leaderboard.errors import not_found
from leaderboard.models import User
from leaderboard.services import audit, canaries, decisions, evaluations, settings
from leaderboard.services.overview import overview
from leaderboard.web.auth import current_user
from leaderboard.web.request_context import app_context, read_session, write_transaction

admin_pages = Blueprint("admin", __name__, url_prefix="/admin")


def _administrator() -> User:
    """The administrator who is signed in; 404 for everybody else, which hides that there is such a page."""
    user = current_user()
    if user is None or not user.administrator:
        raise not_found("page")
    return user


@admin_pages.get("")
def page() -> Response:
    """Queue, workers, faults by reason, people, storage."""
    _administrator()
    with read_session() as db:
        html = render_template("admin.html", board=overview(db, app_context().config))
    answer = Response(html)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _noted(db: Session, user: User, action: str, subject: str, detail: str = "") -> BaseResponse:
    audit.record(db, f"administrator {user.name}", action, subject, detail)
    return redirect(url_for("admin.page"), 303)


@admin_pages.post("/pause")
def pause() -> BaseResponse:
    """Give out no evaluation any more."""
    user, reason = _administrator(), request.form.get("reason", "").strip()
    with write_transaction() as db:
        settings.pause(db, reason)
        return _noted(db, user, "pause", "judging", reason)


@admin_pages.post("/resume")
def resume() -> BaseResponse:
    """Give out evaluations again."""
    user = _administrator()
    with write_transaction() as db:
        settings.resume(db)
        return _noted(db, user, "resume", "judging")


@admin_pages.post("/machines/<name>/release")
def release(name: str) -> BaseResponse:
    """Let a machine that is stopped go on."""
    user = _administrator()
    with write_transaction() as db:
        return _noted(db, user, "release", f"machine {canaries.release(db, name)[:8]}")


@admin_pages.post("/evaluations/<int:number>/requeue")
def requeue(number: int) -> BaseResponse:
    """Take an evaluation from its worker."""
    user = _administrator()
    with write_transaction() as db:
        decisions.requeue(db, evaluations.get(db, number))
        return _noted(db, user, "requeue", f"evaluation {number}")


@admin_pages.post("/evaluations/<int:number>/cancel")
def cancel(number: int) -> BaseResponse:
    """Stop an evaluation."""
    user = _administrator()
    with write_transaction() as db:
        decisions.cancel(db, evaluations.get(db, number))
        return _noted(db, user, "cancel", f"evaluation {number}")
