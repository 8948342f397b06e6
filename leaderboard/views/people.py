"""Pages of people: signing up and in, the account, and what a person has submitted."""

from typing import Any, Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from leaderboard.db import on_commit
from leaderboard.errors import Refused
from leaderboard.services import audit, decisions, deferral, people, profiles, quotas, submissions, tokens
from leaderboard.web.auth import current_user, require_user, visible_submission
from leaderboard.web.auth import sign_in as let_in
from leaderboard.web.auth import sign_out as let_out
from leaderboard.web.extensions import client_address, limiter
from leaderboard.web.request_context import app_context, read_session, write_transaction

people_pages = Blueprint("people", __name__)
# A token on its way from the form that created it to the page that shows it once.
_NEW_TOKEN: Final = "new_token"  # noqa: S105 - a key of the session

_Page = BaseResponse | str | tuple[str, int]
# Tries to sign in or up, and whatever asks for the password again.
_limited: Final = limiter.limit(lambda: app_context().config.sign_in_rate, methods=["POST"])


@people_pages.app_context_processor
def _about_the_visitor() -> dict[str, Any]:
    config = app_context().config
    return {
        "current_user": current_user,
        "may_sign_up": config.sign_up,
        "with_github": bool(config.github_id),
    }


def _field(name: str) -> str:
    return request.form.get(name, "")


def _then() -> str:
    """Where to go on: only a path of this site."""
    path = request.values.get("next", "")
    split = urlsplit(path)
    ours = (
        path.startswith("/") and not path.startswith(("//", "/\\")) and not split.netloc and not split.scheme
    )
    return path if ours and path.isprintable() else url_for("people.account")


@people_pages.get("/sign-in")
def sign_in_form() -> _Page:
    """The form to sign in."""
    if current_user() is not None:
        return redirect(_then(), 303)
    return render_template("sign_in.html", error=None, then=request.args.get("next", ""), name="")


@people_pages.post("/sign-in")
@limiter.limit(
    # Failures at one name from one address: nobody can lock its owner out from everywhere.
    "20 per hour",
    key_func=lambda: f"{client_address()} at {_field('name').strip().lower()[:80]}",
    methods=["POST"],
    deduct_when=lambda answer: answer.status_code == 401,
)
@_limited
def sign_in() -> _Page:
    """Sign in with a password, or with an API token in its place."""
    password = _field("password")
    try:
        with read_session() as db:
            user = people.authenticate(db, _field("name"), password)
    except Refused as error:
        page = render_template("sign_in.html", error=error, then=_field("next"), name=_field("name"))
        return page, error.status
    with write_transaction() as db:
        people.rehash(db, user, password)
    let_in(user)
    return redirect(_then(), 303)


@people_pages.get("/sign-up")
def sign_up_form() -> _Page:
    """The form to make an account."""
    _check_open()
    if current_user() is not None:
        return redirect(url_for("people.account"), 303)
    return render_template("sign_up.html", error=None, name="", least=people.PASSWORD_LEAST)


@people_pages.post("/sign-up")
@_limited
def sign_up() -> _Page:
    """Make an account, and be signed in."""
    _check_open()
    try:
        with write_transaction() as db:
            user = people.sign_up(db, _field("name"), _field("password"))
    except Refused as error:
        page = render_template("sign_up.html", error=error, name=_field("name"), least=people.PASSWORD_LEAST)
        return page, error.status
    let_in(user)
    return redirect(url_for("people.account"), 303)


def _check_open() -> None:
    if not app_context().config.sign_up:
        raise Refused(
            403,
            "sign_up_closed",
            "Sign-up is closed on this server.",
            "An administrator can create an account with `mbc admin users add NAME`.",
        )


@people_pages.post("/sign-out")
def sign_out() -> _Page:
    """Sign out: every session of this person ends, so that no copy of a cookie is good for anything."""
    user = current_user()
    if user is not None:
        with write_transaction() as db:
            people.end_sessions(people.get(db, user.id))
    let_out()
    return redirect(url_for("board.page"), 303)


@people_pages.get("/account")
def account() -> _Page:
    """The account: quota, entries, tokens, password, leaving."""
    if current_user() is None:
        return redirect(url_for("people.sign_in_form", next=url_for("people.account")), 303)
    return _private(_account(secret=session.pop(_NEW_TOKEN, None)))


def _account(**more: Any) -> str:
    user = require_user()
    with read_session() as db:
        return render_template(
            "account.html",
            quota=quotas.quota(db, app_context().config, user),
            entries=profiles.entries_of(db, user, hidden=True),
            tokens=tokens.list_tokens(db, user),
            least=people.PASSWORD_LEAST,
            **{"error": None, "secret": None, "done": None} | more,
        )


def _private(page: str, status: int = 200) -> Response:
    answer = Response(page, status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@people_pages.post("/account/tokens")
def new_token() -> _Page:
    """Create an API token; the account page shows it once."""
    user = require_user()
    with write_transaction() as db:
        secret = tokens.new_token(db, db.merge(user, load=False), _field("label").strip())
        audit.record(db, f"user {user.name}", "new token", f"user {user.name}", secret[:10])
    session[_NEW_TOKEN] = secret
    return redirect(url_for("people.account") + "#tokens", 303)


@people_pages.post("/account/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> _Page:
    """Revoke a token of one's own."""
    user = require_user()
    with write_transaction() as db:
        token = tokens.revoke_own(db, user, token_id)
        audit.record(db, f"user {user.name}", "revoke token", f"user {user.name}", token.prefix)
    return redirect(url_for("people.account") + "#tokens", 303)


@people_pages.post("/account/password")
@_limited
def change_password() -> _Page:
    """Change the password; other browsers are signed out."""
    user = require_user()
    try:
        with write_transaction() as db:
            changed = people.get(db, user.id)
            people.change_password(db, changed, _field("old"), _field("new"))
    except Refused as error:
        return _account(error=error), error.status
    let_in(changed)
    return _account(done="Password changed. All other browsers are signed out.")


@people_pages.post("/account/entries/<int:submission_id>/cancel")
def cancel_entry(submission_id: int) -> _Page:
    """Cancel the evaluations of one's own entry that are queued or running."""
    user = require_user()
    with write_transaction() as db:
        found = visible_submission(db, submission_id)
        if found.user_id != user.id:
            raise Refused(403, "not_yours", "Only the person who submitted it can cancel it.")
        decisions.cancel_submission(db, submissions.latest_by_track(db, found), None)
    return redirect(url_for("entry.page", submission_id=submission_id), 303)


@people_pages.post("/account/entries/<int:submission_id>/certify")
def certify_entry(submission_id: int) -> _Page:
    """Ask for the verdict of one's own entry, where the board gives it on request alone."""
    user, here = require_user(), app_context()
    with write_transaction() as db:
        found = visible_submission(db, submission_id)
        if found.user_id != user.id:
            raise Refused(403, "not_yours", "Only the person who submitted it can ask for its verdict.")
        deferral.request(db, here.config, found)
        on_commit(db, here.queue.wake)
    return redirect(url_for("entry.page", submission_id=submission_id), 303)


@people_pages.post("/account/entries/<int:submission_id>/delete")
def delete_entry(submission_id: int) -> _Page:
    """Delete an entry of one's own, with its results."""
    user = require_user()
    with write_transaction() as db:
        people.delete_own_submission(db, app_context().config, user, submission_id)
    return redirect(url_for("people.account") + "#entries", 303)


@people_pages.post("/account/delete")
@_limited
def delete_account() -> _Page:
    """Delete the account with everything that belongs to it."""
    user = require_user()
    try:
        people.check_deletion(user, _field("name"), _field("password"))
        with write_transaction() as db:
            people.delete_account(db, app_context().config, people.get(db, user.id))
    except Refused as error:
        return _account(error=error), error.status
    let_out()
    return redirect(url_for("board.page"), 303)


@people_pages.get("/people/<int:user_id>")
def person(user_id: int) -> str:
    """What a person has submitted."""
    with read_session() as db:
        user = people.get(db, user_id)
        return render_template("person.html", person=user, entries=profiles.entries_of(db, user))
