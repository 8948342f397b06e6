"""Who is signed in: a cookie that names a person and the key of their sessions."""

from typing import Final

from flask import g, request, session
from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.errors import Refused, not_found
from leaderboard.models import Evaluation, Submission, User
from leaderboard.services import submissions, tokens
from leaderboard.web.request_context import read_session

_USER: Final = "user"
_KEY: Final = "key"


def sign_in(user: User) -> None:
    """Let the visitor be this person from now on. What the session held before is forgotten."""
    session.clear()
    session[_USER] = user.id
    session[_KEY] = user.session_key
    session.permanent = True
    g.visitor = user


def sign_out() -> None:
    """Forget who the visitor is."""
    session.clear()
    g.visitor = None


def current_user() -> User | None:
    """The person who is signed in, looked up once a request, and not at all for strangers."""
    if "visitor" not in g:
        g.visitor = _find()
    found: User | None = g.visitor
    return found


def _find() -> User | None:
    if _USER not in session:
        return None
    with read_session() as db:
        return db.scalar(
            select(User).where(
                User.id == session[_USER],
                User.session_key == session.get(_KEY, ""),
                User.banned_at.is_(None),
            )
        )


def visible_submission(db: Session, submission_id: int) -> Submission:
    """A submission that this visitor may see: a hidden one only its owner, by session or token."""
    found = submissions.get(db, submission_id)
    if found.hidden_at is not None and not _owns(db, found):
        raise not_found("submission")
    return found


def check_visible(db: Session, evaluation_id: int) -> None:
    """Refused with 404 where an evaluation belongs to a submission that this visitor may not see."""
    number = db.scalar(select(Evaluation.submission_id).where(Evaluation.id == evaluation_id))
    if number is None:
        raise not_found("evaluation")
    _check_submission(db, number)


def _check_submission(db: Session, submission_id: int) -> None:
    # Nearly all are there and shown: the view reads the row once more anyway.
    shown = select(Submission.id).where(Submission.id == submission_id, Submission.hidden_at.is_(None))
    if db.scalar(shown) is None:
        visible_submission(db, submission_id)


def check_visibility() -> None:
    """Before any view: what is hidden is not there, whichever picture or page of it is asked for."""
    asked = request.view_args or {}
    if request.blueprint == "worker_api" or not asked:
        return
    with read_session() as db:
        if "evaluation_id" in asked:
            check_visible(db, asked["evaluation_id"])
        if "submission_id" in asked:
            _check_submission(db, asked["submission_id"])


def _owns(db: Session, submission: Submission) -> bool:
    user = current_user()
    if user is not None:
        return user.id == submission.user_id
    token = tokens.find_token(db, (request.headers.get("Authorization") or "").partition(" ")[2].strip())
    return token is not None and token.user_id == submission.user_id


def require_user() -> User:
    """The person who is signed in; Refused with 401."""
    found = current_user()
    if found is None:
        raise Refused(401, "sign_in_first", "Please sign in first.")
    return found
