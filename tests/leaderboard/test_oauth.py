"""Signing in by OAuth, against a site that really answers over HTTP."""

import base64
import hashlib
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


class Site:
    """What GitHub does of OAuth: a code for a challenge, a token for a verifier, a user for a token."""

    def __init__(self):
        self.person = {"id": 583231, "login": "octocat"}
        self.challenge = None
        self.server = make_server("127.0.0.1", 0, self.answer, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @Request.application
    def answer(self, request):
        if request.path == "/login/oauth/access_token":
            digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
            known = base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.challenge
            good = known and request.form["code"] == "the-code"
            values = {"access_token": "gho_1", "token_type": "bearer"} if good else {"error": "bad_code"}
            return Response(json.dumps(values), mimetype="application/json")
        if request.path == "/user" and request.headers["Authorization"] == "Bearer gho_1":
            return Response(json.dumps(self.person), mimetype="application/json")
        return Response("no", 401)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def site():
    one = Site()
    yield one
    one.close()


@pytest.fixture
def visit(served, board, browser, site):
    app = served(github_id="app-id", github_secret="app-secret", github_url=site.url, github_api=site.url)
    return lambda: browser(app)


def come(site, visitor, *, code="the-code", state=None):
    gone = visitor.fill("/sign-in", "/sign-in/github")
    assert gone.status_code == 302
    assert gone.location.startswith(f"{site.url}/login/oauth/authorize?")
    query = parse_qs(urlsplit(gone.location).query)
    assert query["client_id"] == ["app-id"]
    assert "app-secret" not in gone.location
    # Otherwise a browser would stop here.
    assert f"form-action 'self' {site.url};" in gone.headers["Content-Security-Policy"]
    site.challenge = query["code_challenge"][0]
    return visitor.get(f"/sign-in/github/back?code={code}&state={state or query['state'][0]}")


def test_somebody_comes_from_elsewhere_and_comes_back(site, visit):
    visitor = visit()
    assert come(site, visitor).location == "/account"
    assert visitor.name == "octocat"
    # A new name there is the same person here.
    site.person["login"] = "renamed"
    again = visit()
    come(site, again)
    assert again.name == "octocat"


@pytest.mark.parametrize(
    ("login", "name"), [("ada", "ada-2"), ("Ada", "Ada-2"), ("-odd-", "somebody"), ("", "somebody")]
)
def test_nobody_becomes_somebody_else_by_their_name_elsewhere(site, visit, login, name):
    site.person["login"] = login
    visitor = visit()
    come(site, visitor)
    assert visitor.name == name


@pytest.mark.parametrize("wrong", [{"code": "guessed"}, {"state": "forged"}])
def test_what_does_not_come_from_there_is_refused(site, visit, wrong):
    visitor = visit()
    answer = come(site, visitor, **wrong)
    assert answer.status_code == 502
    assert "did not say who you are" in answer.text
    assert visitor.name is None


@pytest.mark.parametrize("person", [[], {}, {"id": "x", "login": "y"}, {"id": None, "login": None}])
def test_strange_answers_are_no_mistake_of_ours(site, visit, person):
    site.person = person
    assert come(site, visit()).status_code == 502


def test_where_nobody_may_sign_up_nobody_is_made(served, browser, site):
    app = served(
        sign_up=False,
        github_id="app-id",
        github_secret="app-secret",
        github_url=site.url,
        github_api=site.url,
    )
    visitor = browser(app)
    assert come(site, visitor).status_code == 403
    assert visitor.name is None


def test_it_is_off_by_default(board):
    assert board.client.get("/sign-in/github/back").status_code == 404
    assert "GitHub" not in board.get("/sign-in").text
