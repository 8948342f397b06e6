"""What every page shares: addresses of static files, descriptions, compression; and plain texts."""

import gzip
import html
import json
import re

import pytest

from leaderboard import formatting
from leaderboard.models import ReportRow


@pytest.fixture
def visitor(board, browser):
    return browser(board.app)


PAGES = (
    "/",
    "/history",
    "/explore",
    "/compare",
    "/rules",
    "/api",
    "/integrity",
    "/submit",
    "/sign-in",
    "/sign-up",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_describes_itself(board, path):
    text = board.get(path).text
    for name in ("og:title", "og:description", "og:image", "og:url"):
        assert re.search(rf'<meta property="{name}" content="[^"]+">', text), name
    assert re.search(r'<meta name="description" content="[^"]{40,}">', text)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/favicon.ico", "image/"), ("/apple-touch-icon.png", "image/png"), ("/robots.txt", "text/plain")],
)
def test_what_browsers_and_crawlers_ask_for_is_at_the_root(board, path, kind):
    with board.get(path) as answer:
        assert answer.status_code == 200
        assert answer.mimetype.startswith(kind)


def test_a_static_file_is_cached_for_a_year_while_its_address_is_right(board):
    path = re.search(r'href="(/static/style\.css\?v=\w+)"', board.get("/").text)[1]
    with board.get(path) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/style.css", "/static/style.css?v=0123456789ab"):
        with board.get(other) as answer:
            assert "immutable" not in answer.headers["Cache-Control"]


def test_text_is_compressed_unless_it_holds_a_secret(board):
    packed = {"Accept-Encoding": "gzip"}
    for path in ("/", "/static/style.css", "/rules"):
        with board.get(path, headers=packed) as answer, board.get(path) as plain:
            assert answer.headers["Content-Encoding"] == "gzip", path
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert gzip.decompress(answer.data) == plain.data
            assert len(answer.data) < len(plain.data) / 2
    # A form's token beside text of the visitor's choice.
    assert "Content-Encoding" not in board.get("/sign-in", headers=packed).headers


def test_words_in_backticks_become_code_and_nothing_else_becomes_markup():
    assert formatting.code("Run `mbc check`.") == "Run <code>mbc check</code>."
    assert formatting.code("<b>`<i>`</b>") == "&lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt;"
    assert formatting.code("a ` alone") == "a ` alone"


def test_of_a_long_reason_the_board_shows_the_first_sentence():
    text = "The model raised ValueError: bad.\n  File x, line 3\n  File y, line 4"
    assert formatting.first_sentence(text) == "The model raised ValueError"
    assert formatting.first_sentence("It failed. The rest is long.") == "It failed."
    long = formatting.first_sentence("word " * 100)
    assert len(long) <= 161
    assert long.endswith("word…")


def test_no_page_shows_a_raw_backtick(board):
    for path in PAGES:
        text = re.sub(r"(?s)<(script|pre)\b.*?</\1>", "", board.get(path).text)
        assert "`" not in text, path


def test_an_owner_cancels_a_waiting_entry_on_its_page(board, visitor):
    assert visitor.sign_up().status_code == 303
    page = visitor.get("/account").text
    assert "No entries yet" in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    visitor.client.post("/account/tokens", data={"csrf_token": token, "label": "x"})
    secret = re.search(r"mbc_[\w-]{40,}", visitor.get("/account").text)[0]
    mine = board.submit("mine", headers={"Authorization": f"Bearer {secret}"}).json["id"]
    other = board.submit("other").json["id"]
    assert "/cancel" not in board.get(f"/submissions/{mine}").text
    assert "/cancel" not in visitor.get(f"/submissions/{other}").text
    done = visitor.fill(f"/submissions/{mine}", f"/account/entries/{mine}/cancel")
    assert done.headers["Location"] == f"/submissions/{mine}"
    assert board.get(f"/api/v1/submissions/{mine}").json["status"] == "cancelled"
    refused = visitor.client.post(f"/account/entries/{other}/cancel", data={"csrf_token": token})
    assert refused.status_code == 403
    assert board.get(f"/api/v1/submissions/{other}").json["status"] == "queued"


def test_a_comparison_begins_with_the_two_best_and_names_the_winner(board):
    board.judged("third", 5.0, 1)
    best, second = board.judged("first", 9.0, 2), board.judged("second", 7.0, 3, board.stranger)
    text = board.get("/compare").text
    assert re.findall(r'<option value="(\d+)" selected>', text) == [str(best), str(second)]
    assert re.search(r"<strong>first</strong> is [12]\.\d\d octaves ahead", text)


def test_what_has_no_score_cannot_be_compared_and_the_page_says_why(board):
    one, waiting = board.judged("one", 8.0), board.submit("waiting").json["id"]
    answer = board.get(f"/compare?a={one}&b={waiting}")
    assert answer.status_code == 409
    assert "waiting has no score to compare" in answer.text
    other = board.judged("other", 7.0, 1)
    with board.writing() as session:
        evaluation = board.get(f"/api/v1/submissions/{other}").json["evaluation_id"]
        session.delete(session.get(ReportRow, evaluation))
    answer = board.get(f"/compare?a={one}&b={other}")
    assert answer.status_code == 409
    assert "other has no report" in answer.text


def test_two_entries_are_compared_by_their_curves_too_and_on_both_tracks(board):
    one, two = board.judged("one", 8.0, 1), board.judged("two", 6.0, 2, headers=board.stranger)
    text = board.get("/compare").text
    # The first against the second, without being asked.
    assert f'<option value="{one}" selected' in text
    assert f'<option value="{two}" selected' in text
    assert len(re.findall(r'class="line (?:own|rival)', text)) == 4
    # Neither was trained by the judge: the other track begins with its own first two.
    assert 'href="/compare?track=samples"' in text
    assert f"/submissions/{one}/explore?second={two}" in text


def test_the_home_page_leads_to_play_and_learn_and_has_a_race(board):
    text = board.get("/").text
    for path in ("/play", "/learn/", "/learn/#octave", "/learn/features"):
        assert f'href="{path}"' in text, path
    race = json.loads(html.unescape(re.search(r'data-race="([^"]+)"', text)[1]))
    assert len(race["runners"]) == 4
    assert all(len(runner["octaves"]) == len(race["seconds"]) for runner in race["runners"])
    # The clock is the same for all; those with features see deepest in the end.
    assert race["seconds"] == sorted(race["seconds"])
    assert "data-race" not in board.get("/?part=1").text


def test_terms_lead_to_the_glossary(board):
    page = board.get(f"/submissions/{board.judged('one', 8.0)}").text
    words = set(re.findall(r'class="term" href="/learn/#word-(\w+)"', page))
    assert {"octaves", "depth", "control", "probe", "dimensions", "skill"} <= words
    learn = board.get("/learn/").text
    assert all(f'id="word-{word}"' in learn for word in words)


def test_the_expected_wait_counts_the_queue(board):
    assert "The queue is empty" in board.get("/submit").text
    board.judged("one", 8.0)
    board.submit("two")
    board.submit("three")
    with board.parts.readers() as session:
        waiting, seconds = board.parts.queue_view.expected_wait(session)
    assert waiting == 2
    assert seconds >= 0
    assert "2 entries are in the queue" in board.get("/submit").text


def test_who_is_signed_out_is_asked_to_sign_in_first(board):
    text = board.get("/submit").text
    assert text.index("Create account") < text.index("mbc submit")
    assert '<input id="bundle"' not in text


def test_the_history_names_every_record_and_what_it_gained(board):
    assert "No record yet" in board.get("/history?track=open").text
    board.judged("old", 6.0, 1)
    board.judged("worse", 5.0, 2)
    board.judged("new", 9.0, 3)
    text = board.get("/history?track=open").text
    rows = re.findall(r"(?s)<tr><td>.*?</tr>", text)
    assert [re.search(r">(\w+)</a>", row)[1] for row in rows] == ["new", "old"]
    assert re.search(r"\+[23]\.\d\d", rows[0])
    assert "record</span>" in rows[0]
    assert "record</span>" not in rows[1]
