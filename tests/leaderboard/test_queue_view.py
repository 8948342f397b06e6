"""Places in the queue, read once for all who ask."""

from datetime import timedelta

from sqlalchemy import Engine, event, insert

from leaderboard.db import now
from leaderboard.models import Evaluation, Submission
from leaderboard.services import queue_view, seasons


def place_of(board, number):
    return board.get(f"/api/v1/submissions/{number}").json["queue_position"]


def count_statements(board, path):
    seen = []

    def note(*found):
        seen.append(found[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert board.get(path).status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return [text for text in seen if text.startswith("SELECT")]


def wait_in_line(board, count):
    """So many more evaluations that wait behind everybody."""
    moment = now() + timedelta(days=1)
    entry = {"user_id": 2, "name": "n", "author": "a", "description": "", "bytes": 1, "weight_class": "light"}
    numbers = range(1000, 1000 + count)
    with board.writing() as session:
        season = seasons.current_season(session).id
        session.execute(insert(Submission), [entry | {"id": n, "digest": f"{n:064}"} for n in numbers])
        rows = [{"id": n, "submission_id": n, "season_id": season, "turn_at": moment} for n in numbers]
        session.execute(insert(Evaluation), rows)


def test_a_status_asks_the_database_little_and_a_ranked_one_no_more(board):
    ranked = board.judged("ranked", 8.0)
    waiting = board.submit("waits", track="both", values=9).json["id"]
    for number in (ranked, waiting):
        path = f"/api/v1/submissions/{number}"
        board.get(path)
        assert len(count_statements(board, path)) <= 3, path


def test_a_rank_is_told_anew_when_somebody_else_is_judged(board):
    first = board.judged("first", 8.0)
    assert board.get(f"/api/v1/submissions/{first}").json["place"]["rank"] == [1, 1]
    board.judged("better", 11.0, seed=1, headers=board.stranger)
    assert board.get(f"/api/v1/submissions/{first}").json["place"]["rank"] == [2, 2]


def test_a_short_queue_is_never_old(board):
    numbers = [board.submit(f"{n}", values=1 + n).json for n in range(3)]
    assert [place_of(board, one["id"]) for one in numbers] == [1, 2, 3]
    board.claim(numbers[0]["evaluation_id"])
    assert [place_of(board, one["id"]) for one in numbers] == [None, 1, 2]


def test_a_long_queue_is_read_again_as_soon_as_that_costs_little(board, monkeypatch):
    wait_in_line(board, 300)
    first, second = (board.submit(f"{n}", values=1 + n).json for n in range(2))
    assert [place_of(board, one["id"]) for one in (first, second)] == [1, 2]
    monkeypatch.setattr(queue_view, "_SHARE", 1e-9)
    board.claim(first["evaluation_id"])
    assert place_of(board, second["id"]) == 2, "it was read a moment ago"
    monkeypatch.setattr(queue_view, "_SHARE", 1e9)
    assert place_of(board, second["id"]) == 1
    # The last of them all is found as well, and one that came later than the queue was read.
    monkeypatch.setattr(queue_view, "_SHARE", 1e-9)
    late = board.submit("late", values=7).json
    assert place_of(board, late["id"]) == 2
    assert place_of(board, 1299) == 301


def test_what_another_process_changed_is_seen_after_a_second(board, monkeypatch):
    one = board.submit("one").json
    assert place_of(board, one["id"]) == 1
    with board.parts.writers.kw["bind"].begin() as connection:
        connection.exec_driver_sql("UPDATE evaluations SET urgency = 3")
    wait_in_line(board, 2)
    monkeypatch.setattr(queue_view, "_OLDEST_SECONDS", 0.0)
    assert place_of(board, one["id"]) == 3
