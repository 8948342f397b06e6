"""Texts of strangers, through every field that they control, on every page that shows them."""

import csv
import html
import io
import re
from html.parser import HTMLParser

import pytest

from leaderboard.services import tokens

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ config }}{% raw %}",
)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def assert_harmless(text, path):
    for tag, attributes in Tags(text).found:
        assert not [name for name in attributes if name.startswith("on")], (path, tag, attributes)
        assert "style" not in attributes, (path, tag)
        assert attributes.get("src") != "x", path
        assert tag != "script" or attributes["src"].startswith("/static/"), path
        for name in ("href", "action", "xlink:href"):
            assert not (attributes.get(name) or "").lower().startswith(("javascript:", "data:")), path


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_an_entry_says_stays_text(board, browser, text):
    with board.writing() as session:
        user = tokens.add_user(session, text)
        secret = tokens.new_token(session, user, text)
        number = user.id
    theirs = {"Authorization": f"Bearer {secret}"}
    fields = dict.fromkeys(("author", "method", "description", "license"), text)
    made = board.submit(text, headers=theirs, readme=text, model=f"# {text}\n", **fields).json
    lease, _ = board.claim(made["evaluation_id"])
    report = board.report(9.0, 1, device=text, sandbox=text)
    for control in report["universality"]["controls"]:
        control["name"] = control["family"] = text
    for probe in report["integrity"]["probes"]:
        probe["name"] = probe["sentence"] = text
    assert board.tell(made["evaluation_id"], "report", lease, json=report).status_code == 200
    other = board.judged("another", 7, 2)
    visitor = browser(board.app)
    assert visitor.sign_in(text, secret).status_code == 303
    seen = 0
    for path in (
        "/",
        "/?sort=name",
        f"/submissions/{made['id']}",
        f"/people/{number}",
        "/account",
        "/rules",
        f"/compare?a={made['id']}&b={other}",
        f"/?season={text}",
        f"/sign-in?next={text}",
    ):
        answer = visitor.get(path)
        assert answer.status_code < 500, path
        assert_harmless(answer.text, path)
        seen += text in html.unescape(answer.text)
    assert seen >= 5
    for path in ("/api/v1/board", f"/api/v1/submissions/{made['id']}/report", f"/api/v1/board?season={text}"):
        answer = board.get(path)
        assert answer.mimetype in {"application/json", "application/problem+json"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    refused = visitor.fill("/submit", "/submit", bundle=(io.BytesIO(b"no"), text))
    assert_harmless(refused.text, "/submit")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example"])
def test_an_address_that_is_no_web_page_never_becomes_a_link(board, url):
    answer = board.submit("linked", url=url, paper=url)
    if answer.status_code == 422:
        assert answer.json["code"] == "manifest_invalid"
        return
    text = board.get(f"/submissions/{answer.json['id']}").text
    assert url not in [attributes.get("href") for _, attributes in Tags(text).found]


def test_the_table_to_take_along_holds_everything_and_no_formula(board):
    board.judged("=HYPERLINK(1)", 9, 1)
    board.judged('"quoted", name', 7, 2, headers=board.stranger)
    answer = board.get("/board.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == ["'=HYPERLINK(1)", '"quoted", name']
    entries = board.get("/api/v1/board").json["entries"]
    assert [float(row["octaves"]) for row in rows] == [entry["octaves"] for entry in entries]
    assert [[int(row["rank_low"]), int(row["rank_high"])] for row in rows] == [e["rank"] for e in entries]
    only = board.get("/board.csv?kind=reference").text.splitlines()
    assert len(only) == 1


def test_every_answer_says_what_a_browser_may_do_with_it(board):
    made = board.judged("one", 8, 1)
    for path in ("/", f"/submissions/{made}", "/account", "/sign-in", "/nothing", "/api/v1/board",
                 "/board.csv", "/static/style.css", "/truth/spiral/3.png"):  # fmt: skip
        with board.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["X-Frame-Options"] == "DENY", path
            assert answer.headers["Referrer-Policy"] == "same-origin", path
    assert re.search("frame-ancestors 'none'", board.get("/").headers["Content-Security-Policy"])
    assert board.get("/account").headers["Location"].startswith("/sign-in")
