"""How the board shows what has changed within a week, and the ranks of a filter."""

import re
from datetime import timedelta

from leaderboard.models import Evaluation, Submission

ROW = re.compile(r'(?s)<td class="rank[^"]*">(.*?)</td>.*?<a class="name"[^>]*>([^<]+)</a>')


def ranks(board, path="/?entries=all"):
    """By name: the text of the rank's cell."""
    rows = ROW.findall(board.get(path).text)
    return {name: re.sub(r"<[^>]+>", " ", cell).split() for cell, name in rows}


def aged(board, *names):
    with board.writing() as session:
        for row in session.query(Evaluation).join(Submission).filter(Submission.name.in_(names)):
            row.finished_at -= timedelta(days=9)


def test_ranks_lost_and_new_entries_are_shown_once_there_was_a_board_a_week_ago(board):
    board.judged("old first", 8.0, 1)
    board.judged("old second", 6.0, 2, headers=board.stranger)
    assert ranks(board) == {"old first": ["1"], "old second": ["2"]}
    aged(board, "old first", "old second")
    board.judged("newcomer", 7.0, 3, headers=board.reference)
    found = ranks(board)
    assert found["old first"] == ["1"]
    assert found["newcomer"] == ["2", "new"]
    assert found["old second"] == ["3", "▼", "1", "down"]


def test_a_filter_has_its_own_ranks_and_its_own_rejected_entries(board):
    board.judged("large", 8.0, 1)
    board.judged("small", 6.0, 2, headers=board.stranger)
    board.judged("no", 9.0, 3, headers=board.reference, verdict="rejected", universal=False, sentence="No.")
    with board.writing() as session:
        for name in ("small", "no"):
            session.query(Submission).filter_by(name=name).one().weight_class = "light"
        session.query(Submission).filter_by(name="large").one().weight_class = "heavy"
    assert ranks(board, "/?class=light") == {"small": ["1", "2", "overall"]}
    assert ranks(board, "/?class=heavy") == {"large": ["1", "1", "overall"]}
    assert "Not ranked" in board.get("/?class=light").text
    assert "Not ranked" not in board.get("/?class=heavy").text
    assert board.get("/api/v1/board?class=heavy").json["unranked_total"] == 0
