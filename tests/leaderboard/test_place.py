"""What a verdict says of the rank, and of the entry that is next above."""

import pytest

from challenge.commands.client import SubmissionStatus
from challenge.commands.submissions import _lines


def told(board, number):
    """The lines that `mbc status` prints."""
    return "\n".join(_lines(SubmissionStatus(board.get(f"/api/v1/submissions/{number}").json)))


def test_a_verdict_says_the_rank_and_the_neighbour(board):
    low = board.judged("low", 5.0, 1)
    high = board.judged("high", 8.0, 2, headers=board.stranger)
    place = board.get(f"/api/v1/submissions/{low}").json["place"]
    assert place["rank"] == [2, 2]
    assert place["entries"] == 2
    assert place["above"] == "high"
    octaves = [board.get(f"/api/v1/submissions/{number}").json["octaves"] for number in (high, low)]
    assert place["gap"] == pytest.approx(octaves[0] - octaves[1])
    assert f"rank 2 of 2; next above: high, +{place['gap']:.1f}" in told(board, low)
    assert "rank 1 of 2" in told(board, high)
    assert "next above" not in told(board, high)


def test_what_does_not_rank_has_no_place(board):
    waiting = board.submit("waiting").json["id"]
    assert board.get(f"/api/v1/submissions/{waiting}").json["place"] is None
    assert "rank" not in told(board, waiting)
    rejected = board.judged("no", 9.0, 3, verdict="rejected", universal=False, sentence="Too low.")
    assert board.get(f"/api/v1/submissions/{rejected}").json["place"] is None


def test_entries_that_are_tied_share_a_rank(board):
    first = board.judged("one", 7.0, 4)
    board.judged("two", 7.0, 4, headers=board.stranger)
    assert "rank 1-2 of 2" in told(board, first)
