"""Signing in with GitHub, where the server's settings name an OAuth application; nothing of it otherwise."""

from typing import Any, Final

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, current_app, redirect, url_for
from requests import RequestException
from werkzeug.wrappers import Response

from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.services import people
from leaderboard.web.auth import sign_in
from leaderboard.web.request_context import app_context, write_transaction

oauth_pages = Blueprint("oauth", __name__)
_NAME: Final = "github"
_SECONDS: Final = 10


def offer(app: Flask, config: Config) -> None:
    """Let people come from GitHub, if the settings say how."""
    if not config.github_id:
        return
    OAuth(app).register(
        _NAME,
        client_id=config.github_id,
        client_secret=config.github_secret,
        authorize_url=f"{config.github_url}/login/oauth/authorize",
        access_token_url=f"{config.github_url}/login/oauth/access_token",
        api_base_url=f"{config.github_api}/",
        # Who somebody is can be read without any scope; PKCE binds the answer to this browser.
        client_kwargs={"scope": "", "code_challenge_method": "S256", "timeout": _SECONDS},
    )
    app.register_blueprint(oauth_pages)


def _github() -> Any:
    return current_app.extensions["authlib.integrations.flask_client"].github


@oauth_pages.post("/sign-in/github")
def go() -> Response:
    """Send the visitor to GitHub."""
    answer: Response = _github().authorize_redirect(url_for("oauth.back", _external=True))
    return answer


@oauth_pages.get("/sign-in/github/back")
def back() -> Response:
    """GitHub sends the visitor back, with proof of who they are."""
    try:
        token = _github().authorize_access_token()
        answer = _github().get("user", token=token, timeout=_SECONDS)
        answer.raise_for_status()
        about = answer.json()
        identity, name = f"github:{int(about['id'])}", str(about["login"])
    except (OAuthError, RequestException, ValueError, KeyError, TypeError) as error:
        raise Refused(
            502,
            "github",
            "GitHub did not say who you are.",
            "You may have said no there, or waited too long: try again from the page to sign in.",
        ) from error
    config = app_context().config
    with write_transaction() as db:
        user = people.find_or_create_by_identity(db, identity, name, may_make=config.sign_up)
    sign_in(user)
    return redirect(url_for("people.account"), 303)
