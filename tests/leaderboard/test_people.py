import io
import re

import pytest

from challenge.util.exit_codes import SettingError
from leaderboard.config import Config
from leaderboard.models import AuditRow, Evaluation, Submission, Token, User
from tests.support import seed_data

PASSWORD = "three quiet elephants"


@pytest.fixture
def visitor(board, browser):
    return browser(board.app)


@pytest.fixture
def another(board, browser):
    return browser(board.app)


def test_from_a_stranger_to_an_entry_on_the_board(board, visitor):
    answer = visitor.sign_up()
    assert (answer.status_code, answer.location) == (303, "/account")
    assert visitor.name == "grace"
    page = visitor.get("/submit").text
    assert 'name="token"' not in page
    assert "of 10000" in page
    sent = visitor.fill("/submit", "/submit", bundle=(io.BytesIO(seed_data.bundle_bytes("hers")), "x.zip"))
    assert (sent.status_code, sent.location) == (303, "/submissions/1")
    assert "hers" in visitor.get("/account").text
    assert "hers" in board.get("/people/4").text


def test_signing_out_and_in_again(visitor):
    visitor.sign_up()
    assert visitor.fill("/account", "/sign-out").status_code == 303
    assert visitor.name is None
    assert visitor.get("/account").status_code == 303
    assert visitor.sign_in(password="three quiet giraffes").status_code == 401
    assert visitor.sign_in(name="nobody at all").status_code == 401
    assert visitor.name is None
    assert visitor.sign_in().location == "/account"
    assert visitor.name == "grace"


def test_a_password_is_kept_as_argon2_and_nowhere_else(board, visitor):
    visitor.sign_up()
    with board.writing() as session:
        assert session.query(User).filter(User.name == "grace").one().password.startswith("$argon2id$")
    for path in board.config.data.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("name", "password", "status"),
    [
        ("ada", PASSWORD, 409),
        ("ADA", PASSWORD, 409),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}da", PASSWORD, 409),
        ("x", PASSWORD, 422),
        ("<b>grace</b>", PASSWORD, 422),
        ("a" * 41, PASSWORD, 422),
        ("grace\u202eecarg", PASSWORD, 422),
        ("grace", "short", 422),
        ("grace", "aaaaaaaaaaaaaaaa", 422),
        ("grace", "x" * 201, 422),
        ("grace hopper", "Grace Hopper 1", 422),
    ],
)
def test_names_and_passwords_that_are_not_taken(board, visitor, name, password, status):
    answer = visitor.sign_up(name, password)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert visitor.name is None
    with board.writing() as session:
        assert session.query(User).count() == 3


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_others(visitor):
    answer = visitor.sign_up()
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("mbc="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_behind_https_the_cookie_never_travels_without_it(served):
    app = served(https=True)
    answer = app.test_client().get("/sign-in", base_url="https://board.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-mbc=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert answer.headers["Strict-Transport-Security"]


FORMS = (
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/submit",
    "/account/tokens",
    "/account/tokens/1/revoke",
    "/account/password",
    "/account/delete",
    "/account/entries/1/delete",
    "/account/entries/1/cancel",
    "/account/entries/1/certify",
    "/admin/evaluations/1/cancel",
    "/admin/evaluations/1/requeue",
    "/admin/machines/abc/release",
    "/admin/pause",
    "/admin/resume",
    "/play/submit",
    "/play/bundle",
)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("forged", [{}, {"csrf_token": "forged"}])
def test_no_form_is_taken_that_is_not_ours(board, visitor, path, forged):
    visitor.sign_up()
    answer = visitor.client.post(path, data=forged | {"name": "grace", "password": PASSWORD})
    assert answer.status_code == 400
    assert "send it again" in answer.text
    with board.writing() as session:
        assert session.query(User).filter(User.name == "grace").count() == 1


def test_every_form_that_changes_something_is_among_those(board):
    posts = {
        rule.rule
        for rule in board.app.url_map.iter_rules()
        if "POST" in rule.methods and not rule.rule.startswith("/api/")
    }
    paths = {re.sub(r"<\w+>", "abc", re.sub(r"<int:\w+>", "1", rule)) for rule in posts}
    assert paths - {"/sign-in/github"} == set(FORMS)


def test_only_our_own_pages_come_after_signing_in(visitor):
    visitor.sign_up()
    visitor.fill("/account", "/sign-out")
    for then in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = visitor.sign_in(next=then)
        assert answer.location == "/account"
        visitor.fill("/account", "/sign-out")
    assert visitor.sign_in(next="/submissions/1?a=b").location == "/submissions/1?a=b"


def test_changing_the_password_signs_out_everywhere_else(board, visitor, another):
    visitor.sign_up()
    another.sign_in()
    assert another.name == "grace"
    new = "four loud giraffes"
    assert visitor.fill("/account", "/account/password", old="wrong", new=new).status_code == 403
    assert another.name == "grace"
    assert visitor.fill("/account", "/account/password", old=PASSWORD, new=new).status_code == 200
    assert visitor.name == "grace"
    assert another.name is None
    assert another.sign_in().status_code == 401
    assert another.sign_in(password=new).status_code == 303


def test_a_token_is_shown_once_works_and_is_revoked(board, visitor):
    visitor.sign_up()
    made = visitor.fill("/account", "/account/tokens", label="laptop")
    # A reload of the page must not create a second one.
    assert (made.status_code, made.headers["Location"]) == (303, "/account#tokens")
    page = visitor.get("/account")
    secret = re.search(r"mbc_[\w-]{40,}", page.text)[0]
    assert page.headers["Cache-Control"] == "no-store"
    assert secret not in visitor.get("/account").text
    mine = {"Authorization": f"Bearer {secret}"}
    assert board.get("/api/v1/whoami", headers=mine).json["name"] == "grace"
    with board.writing() as session:
        number = session.query(Token).filter(Token.label == "laptop").one().id
        others = session.query(Token).filter(Token.user_id == 1).one().id
    assert visitor.fill("/account", f"/account/tokens/{number}/revoke").status_code == 303
    assert board.get("/api/v1/whoami", headers=mine).status_code == 401
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/account").text)[1]
    foreign = visitor.client.post(f"/account/tokens/{others}/revoke", data={"csrf_token": csrf})
    assert foreign.status_code == 404
    assert board.get("/api/v1/whoami", headers=board.user).status_code == 200


def test_whom_an_administrator_added_signs_in_with_the_token_and_chooses_a_password(board, visitor, another):
    secret = board.user["Authorization"].split()[1]
    assert visitor.sign_in("eve", secret).status_code == 401
    assert visitor.sign_in("ada", secret).status_code == 303
    assert visitor.name == "ada"
    assert visitor.fill("/account", "/account/password", new=PASSWORD).status_code == 200
    assert another.sign_in("ada", PASSWORD).status_code == 303
    assert board.get("/api/v1/whoami", headers=board.user).json["name"] == "ada"


def test_an_entry_is_deleted_with_all_that_belongs_to_it(board, visitor):
    number = board.judged("mine", 8, 1)
    other = board.submit("theirs", headers=board.stranger, values=9).json["id"]
    visitor.sign_in("ada", board.user["Authorization"].split()[1])
    (board.config.data / "artifacts" / "1" / "spiral").mkdir(parents=True)
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/account").text)[1]
    assert (
        visitor.client.post(f"/account/entries/{other}/delete", data={"csrf_token": csrf}).status_code == 403
    )
    assert visitor.fill("/account", f"/account/entries/{number}/delete").status_code == 303
    assert board.get(f"/submissions/{number}").status_code == 404
    assert board.get("/api/v1/board").json["entries"] == []
    assert not (board.config.data / "artifacts" / "1").exists()
    assert len(list((board.config.data / "bundles").rglob("*.zip"))) == 1


def test_who_leaves_takes_everything_along(board, visitor):
    made = board.judged("mine", 8, 1)
    board.judged("theirs", 7, 2, headers=board.stranger)
    visitor.sign_in("ada", board.user["Authorization"].split()[1])
    assert visitor.fill("/account", "/account/delete", name="eve").status_code == 422
    assert board.get(f"/submissions/{made}").status_code == 200
    assert visitor.fill("/account", "/account/delete", name="ada").status_code == 303
    assert visitor.name is None
    assert board.get(f"/submissions/{made}").status_code == 404
    assert board.get("/api/v1/whoami", headers=board.user).status_code == 401
    assert [e["name"] for e in board.get("/api/v1/board").json["entries"]] == ["theirs"]
    with board.writing() as session:
        assert session.query(Submission).count() == session.query(Evaluation).count() == 1
        assert session.query(AuditRow).filter(AuditRow.action == "delete account").count() == 1


def test_leaving_takes_the_password(board, visitor):
    visitor.sign_up()
    assert visitor.fill("/account", "/account/delete", name="grace", password="no").status_code == 403
    assert visitor.name == "grace"
    assert visitor.fill("/account", "/account/delete", name="grace", password=PASSWORD).status_code == 303


def test_a_server_may_keep_its_accounts_to_itself(served):
    app = served(sign_up=False)
    client = app.test_client()
    assert client.get("/sign-up").status_code == 403
    assert "Create an account" not in client.get("/sign-in").text


def test_strangers_cost_no_look_at_the_people(board, visitor):
    from sqlalchemy import event

    statements = []
    engine = board.parts.readers.kw["bind"]

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    visitor.get("/sign-in")
    event.remove(engine, "before_cursor_execute", note)
    assert not [s for s in statements if "FROM users" in s]


class TestHidden:
    def hide(self, board, number):
        from leaderboard.services import submissions

        with board.writing() as session:
            submissions.hide(session, submissions.get(session, number), hidden=True)

    def test_a_hidden_entry_is_seen_by_its_owner_alone(self, board, visitor):
        number = board.judged("hidden one", 8, 1)
        self.hide(board, number)
        for path in (
            f"/submissions/{number}",
            f"/api/v1/submissions/{number}",
            f"/api/v1/submissions/{number}/report",
            f"/api/v1/submissions/{number}/events",
            f"/api/v1/submissions/{number}/bundle",
        ):
            assert board.get(path, headers=board.stranger).status_code == 404, path
        assert board.get("/api/v1/board").json["entries"] == []
        assert "hidden one" not in board.get("/").text + board.get("/people/1").text
        assert board.get(f"/api/v1/submissions/{number}", headers=board.user).status_code == 200
        visitor.sign_in("ada", board.user["Authorization"].split()[1])
        assert visitor.get(f"/submissions/{number}").status_code == 200
        assert "hidden one" in visitor.get("/account").text


def test_servers_with_one_key_know_each_other_s_visitors(config, served, browser, tmp_path):
    key = "0123456789abcdef0123456789abcdef"
    one = browser(served(session_key=key))
    one.sign_up("grace")
    assert one.name == "grace"
    cookie = one.client.get_cookie("mbc").value
    for secret, name in ((key, "grace"), ("f" * 32, None)):
        other = browser(served(data=tmp_path / f"of another server {name}", session_key=secret))
        other.client.set_cookie("mbc", cookie)
        assert other.name == name


def test_a_short_key_for_cookies_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MBC_BOARD_SESSION_KEY", "short")
    with pytest.raises(
        SettingError, match=r"MBC_BOARD_SESSION_KEY must be a secret of at least 32 characters\.$"
    ):
        Config.make(tmp_path)
