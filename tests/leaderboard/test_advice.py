"""What an author is told beside the verdict: why it is so low, what may be missing, when it starts."""

from datetime import timedelta

import pytest

from challenge.commands.client import SubmissionStatus
from challenge.commands.submissions import _lines
from challenge.results.frame_suggestion import FrameSuggestion
from leaderboard.db import now
from leaderboard.models import Evaluation

AUTHOR = {"window": "author", "inverted": False, "recoloured": False, "octaves": 6.84, "before": 0.31}
MODEL = "import pandas\nfrom torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"


def status(board, number):
    return board.get(f"/api/v1/submissions/{number}").json


def test_page_and_status_say_why_it_is_so_low_and_the_command(board):
    number = board.judged("elsewhere", 0.4, suggestion=AUTHOR)
    page = board.get(f"/submissions/{number}").text
    assert "Why is it so low?" in page
    assert "its inputs mapped to -2.65 .. 1.15 by -1.2 .. 1.2" in page
    assert "<code>mbc adapt DIR --window author</code>" in page
    values = status(board, number)
    assert "it would resolve 6.8 octaves, not 0.3" in values["suggestion"]
    assert values["suggestion"] in "\n".join(_lines(SubmissionStatus(values)))
    assert board.get(f"/api/v1/submissions/{number}/report").json["suggestion"]["window"] == "author"


def test_without_a_finding_nothing_is_said(board):
    number = board.judged("here", 8.0)
    assert "Why is it so low?" not in board.get(f"/submissions/{number}").text
    assert status(board, number)["suggestion"] == ""


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "mbc adapt x --window author"),
        ({"window": "", "inverted": True}, "mbc adapt x --invert"),
        ({"window": "", "recoloured": True}, ""),
    ],
)
def test_a_suggestion_ends_with_the_command_where_there_is_one(changes, command):
    sentence = FrameSuggestion(**AUTHOR | changes).sentence("x")
    assert sentence.endswith(f" Run: {command}" if command else "for the rest.")


def test_an_import_beyond_the_promise_is_named(board):
    assert status(board, board.submit("plain").json["id"])["warnings"] == []
    number = board.submit("pandas", model=MODEL).json["id"]
    (warning,) = status(board, number)["warnings"]
    assert "model.py imports pandas" in warning
    assert "model.py imports pandas" in board.get(f"/submissions/{number}").text


def test_who_waits_is_told_for_how_long(board):
    done = board.submit("done").json
    lease, _ = board.claim(done["evaluation_id"])
    board.tell(done["evaluation_id"], "report", lease, json=board.report(8.0))
    with board.writing() as session:
        judged = session.get(Evaluation, done["evaluation_id"])
        judged.claimed_at = judged.finished_at - timedelta(seconds=120)
    running, *waiting = (board.submit(name).json["evaluation_id"] for name in ("a", "b", "c"))
    board.claim(running)
    with board.writing() as session:
        # Half of it is done.
        session.get(Evaluation, running).claimed_at = now() - timedelta(seconds=60)
    view = board.parts.queue_view
    with board.parts.readers() as session:
        places = [view.place(session, session.get(Evaluation, number)) for number in (running, *waiting)]
        assert view.expected_wait(session)[1] == pytest.approx(300, abs=5)
    assert places[0] is None
    assert [place.position for place in places[1:]] == [1, 2]
    assert [place.seconds for place in places[1:]] == [pytest.approx(60, abs=5), pytest.approx(180, abs=5)]
    told = board.get("/api/v1/submissions?per_page=1").json["submissions"][0]["id"]
    assert SubmissionStatus(status(board, told)).message == "number 2 in the queue, about 3 min"
    assert "Number 2 in the queue, about 3 min." in board.get(f"/submissions/{told}").text
