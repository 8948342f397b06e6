import io
import re
from html.parser import HTMLParser

import pytest

from tests.support import seed_data

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
)


def test_every_page_answers_with_its_headers(board):
    number = board.judged("one", 8, 1)
    for path in ("/", "/?part=1", "/rules", "/submit", f"/submissions/{number}", "/?season=season-1"):
        answer = board.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        # The policy forbids them, so a page that had any would be broken.
        assert not re.search(r"<script(?![^>]* src=)", answer.text), path
        assert not re.search(r"<[^>]+ style=", answer.text), path
        assert not re.search(r"<[^>]+ on\w+=", answer.text), path
        assert not re.search(r"(src|href)=\"(https?:)?//", answer.text), path


def test_the_board_reads_without_javascript(board):
    board.judged("Deep One", 8.2, 1, headers=board.reference)
    text = board.get("/").text
    for part in (
        "Deep One",
        "octaves",
        "reference",
        "light" if "light" in text else "feather",
        "dB",
        "95 % interval",
    ):
        assert part in text
    assert re.search(r"8\.\d\d", text)


@pytest.mark.parametrize("attack", ATTACKS)
def test_names_cannot_break_out(board, attack):
    made = board.submit(attack, author=attack, method=attack, description=attack, license=attack).json
    lease, _ = board.claim(made["evaluation_id"])
    board.tell(made["evaluation_id"], "status", lease, json={"status": "probing", "message": attack})
    for path in ("/", f"/submissions/{made['id']}"):
        assert_harmless(board.get(path).text)
    board.tell(
        made["evaluation_id"],
        "report",
        lease,
        json=board.report(verdict="rejected", universal=False, sentence=attack, device=attack),
    )
    for path in ("/", f"/submissions/{made['id']}"):
        assert_harmless(board.get(path).text)
        assert attack != "{{ 7*7 }}" or "{{ 7*7 }}" in board.get(path).text


class Tags(HTMLParser):
    """Every tag as a browser sees it."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def assert_harmless(text):
    for tag, attributes in Tags(text).found:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src") != "x"
        assert tag != "script" or attributes["src"].startswith("/static/")
        assert not (attributes.get("href") or "").startswith(("javascript:", "data:"))


def test_a_readme_cannot_break_out(board):
    readme = """
<script>alert(1)</script>

<img src=x onerror=alert(1)>

[click](javascript:alert(1))

[data](data:text/html,<script>alert(1)</script>)

![pixel](https://spy.example/p.png)

<a href='https://x.example' onclick='alert(1)'>x</a>

# Heading

**bold** `code`

[good](https://example.org)
"""
    made = board.submit(
        "readme",
        readme=readme,
        model="# <script>alert(1)</script>\ndef build(a, b): ...\n",
        license="MIT",
    ).json
    text = board.get(f"/submissions/{made['id']}").text
    assert_harmless(text)
    readme_part = text.split('id="readme"')[1].split("</details>")[0]
    assert "javascript:" not in re.findall(r'href="([^"]*)"', readme_part)
    assert all(link.startswith("https://") for link in re.findall(r'href="([^"]*)"', readme_part))
    assert "<img" not in readme_part
    assert "<strong>bold</strong>" in readme_part
    assert 'rel="nofollow noopener ugc"' in readme_part
    assert "&lt;script&gt;" in text.split('id="source-title"')[1]


def test_a_failed_one_says_why_and_what_to_do(board):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    board.tell(
        made["evaluation_id"],
        "failure",
        lease,
        json={"reason": "output_shape", "detail": "It returned (5,)."},
    )
    text = board.get(f"/submissions/{made['id']}").text
    assert "It returned (5,)." in text
    assert "forward must return (n, out_features)" in text


def test_the_pictures_of_the_truth_are_drawn_once(board):
    with board.get("/truth/spiral/3.png") as answer:
        assert answer.mimetype == "image/png"
        assert "max-age=31536000" in answer.headers["Cache-Control"]
    path = board.config.data / "truth" / "16" / "spiral" / "03.png"
    before = path.stat().st_mtime_ns
    with board.get("/truth/spiral/3.png") as answer:
        assert answer.status_code == 200
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "path",
    [
        "/truth/spiral/99.png",
        "/truth/nowhere/3.png",
        "/truth/../../x/3.png",
        "/evaluations/1/spiral/03/model.png",
        "/nothing",
        "/submissions/77",
    ],
)
def test_a_friendly_404(board, path):
    answer = board.get(path)
    assert answer.status_code == 404
    assert "Back to the board" in answer.text


def test_a_mistake_of_ours_is_a_friendly_500(board, monkeypatch):
    from leaderboard.services import board_lists

    def broken(*_, **__):
        raise RuntimeError("inner secret")

    monkeypatch.setattr(board_lists, "page", broken)
    answer = board.get("/")
    assert answer.status_code == 500
    assert "inner secret" not in answer.text
    assert board.get("/api/v1/board").json["code"] == "internal"


class TestTheForm:
    @pytest.fixture
    def client(self, board):
        """Of somebody who signed in with an API token."""
        client = board.app.test_client()
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)[1]
        token = board.user["Authorization"].split()[1]
        client.post("/sign-in", data={"csrf_token": found, "name": "ada", "password": token})
        return client

    def send(self, client, *, csrf=None, content=None):
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/submit").text)[1]
        data = {
            "csrf_token": found if csrf is None else csrf,
            "bundle": (io.BytesIO(content or seed_data.bundle_bytes("by form")), "x.zip"),
        }
        return client.post("/submit", data=data)

    def test_it_hands_in(self, client):
        answer = self.send(client)
        assert answer.status_code == 303
        assert answer.location == "/submissions/1"

    def test_a_forged_form_is_refused(self, client):
        answer = self.send(client, csrf="forged")
        assert answer.status_code == 400
        assert "send it again" in answer.text
        assert client.post("/submit", data={"csrf_token": ""}).status_code == 400

    def test_a_stranger_is_asked_to_sign_in(self, board):
        page = board.get("/submit").text
        assert "<form method" not in page.split("<h1>")[1]
        assert "/sign-in?next=" in page
        answer = board.client.post("/submit", data={"csrf_token": "x"})
        assert answer.status_code == 401
        assert "sign in first" in answer.text

    def test_a_bad_bundle_is_said_so(self, client):
        answer = self.send(client, content=b"nonsense")
        assert answer.status_code == 422
        assert "not a zip archive" in answer.text
        assert "mbc pack" in answer.text


def test_a_report_of_another_version_still_has_a_page(board):
    from leaderboard.models import ReportRow

    number = board.judged("old", 8, 1)
    with board.writing() as session:
        row = session.get(ReportRow, 1)
        row.body = row.body.replace('"version": 1', '"version": 0')
    answer = board.get(f"/submissions/{number}")
    assert answer.status_code == 200
    assert "8." in answer.text
