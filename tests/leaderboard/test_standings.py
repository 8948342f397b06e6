import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from leaderboard.models import Evaluation, SeasonRow, Submission
from leaderboard.services import decisions, evaluations, seasons, submissions
from tests.support import seed_data


def test_the_board_ranks_by_full_precision_and_says_who_is_tied(board):
    base = seed_data.skills(8.0, 1, chains=16)
    worse = np.clip(base - 1e-9, 0, 1)
    # The same chains in another order: one mean, and no chain like the other.
    tied = base[::-1]
    for index, (name, by_chain) in enumerate(
        (("a", worse), ("b", base), ("c", tied), ("d", seed_data.skills(5.0, 2, chains=16)))
    ):
        made = board.submit(name, values=2 + index).json
        lease, _ = board.claim(made["evaluation_id"])
        board.tell(made["evaluation_id"], "report", lease, json=seed_data.report(board.season(), by_chain))
    entries = board.get("/api/v1/board?entries=all").json["entries"]
    names = [entry["name"] for entry in entries]
    assert names.index("b") < names.index("a")
    assert names[-1] == "d"
    assert [entry["octaves"] for entry in entries] == sorted((e["octaves"] for e in entries), reverse=True)
    ranks = {entry["name"]: entry["rank"] for entry in entries}
    # `a` is worse by a hair, but in every chain.
    assert ranks == {"a": [2, 3], "b": [1, 2], "c": [1, 3], "d": [4, 4]}


def test_equal_entries_share_a_rank(board):
    for seed, name in enumerate(("x", "y")):
        made = board.submit(name, values=2 + seed).json
        lease, _ = board.claim(made["evaluation_id"])
        board.tell(made["evaluation_id"], "report", lease, json=board.report(8.0, 3))
    assert [entry["rank"] for entry in board.get("/api/v1/board?entries=all").json["entries"]] == [
        [1, 2],
        [1, 2],
    ]
    assert "1\N{EN DASH}2" in board.get("/?entries=all").text


def test_nothing_without_a_score_ever_ranks(board):
    board.judged("good", 8, 1)
    board.judged("rejected", 20, 2, verdict="rejected", universal=False, sentence="Too low.")
    failed = board.submit("failed", values=50).json
    lease, _ = board.claim(failed["evaluation_id"])
    board.tell(failed["evaluation_id"], "failure", lease, json={"reason": "exited"})
    board.submit("waiting", values=51)
    seen = board.get("/api/v1/board").json
    assert [e["name"] for e in seen["entries"]] == ["good"]
    assert {e["name"] for e in seen["unranked"]} == {"rejected", "failed"}
    assert [e["name"] for e in seen["pending"]] == ["waiting"]


def test_the_reference_mark_belongs_to_the_user(board):
    board.judged("theirs", 8, 1, headers=board.reference)
    board.judged("mine", 7, 2)
    marks = {e["name"]: e["reference"] for e in board.get("/api/v1/board").json["entries"]}
    assert marks == {"theirs": True, "mine": False}


def test_the_old_result_stands_while_it_is_judged_again_and_is_kept(board):
    number = board.judged("again", 8, 1)
    with board.writing() as session:
        evaluation = evaluations.queue_evaluation(
            session, submissions.get(session, number), seasons.current_season(session)
        )
        again = evaluation.id
    assert board.get("/api/v1/board").json["entries"][0]["octaves"] == pytest.approx(8, abs=0.5)
    assert "8." in board.get(f"/submissions/{number}").text
    lease, _ = board.claim(again)
    board.tell(again, "failure", lease, json={"reason": "exited"})
    assert len(board.get("/api/v1/board").json["entries"]) == 1
    with board.writing() as session:
        evaluation = evaluations.queue_evaluation(
            session, submissions.get(session, number), seasons.current_season(session)
        )
        third = evaluation.id
    lease, _ = board.claim(third)
    board.tell(third, "report", lease, json=board.report(6.0, 4))
    assert board.get("/api/v1/board").json["entries"][0]["octaves"] == pytest.approx(6, abs=0.5)
    with board.writing() as session:
        assert session.query(Evaluation).filter(Evaluation.submission_id == number).count() == 3


def test_the_practice_season_is_judged_and_never_shown_as_the_standing(board):
    number = board.judged("mine", 8, 1)
    with board.writing() as session:
        practice = seasons.find_season(session, "practice")
        evaluation = evaluations.queue_evaluation(session, submissions.get(session, number), practice)
        again = evaluation.id
    lease, claim = board.claim(again)
    assert claim["season"]["name"] == "practice"
    with board.writing() as session:
        row = seasons.find_season(session, "practice")
    board.tell(again, "report", lease, json=seed_data.report(row, seed_data.skills(30, 9, chains=16)))
    assert board.get("/api/v1/board").json["entries"][0]["octaves"] < 9
    assert board.get(f"/api/v1/submissions/{number}").json["octaves"] < 9


def test_a_disqualified_one_keeps_its_figures_and_loses_its_rank(board):
    number = board.judged("cheat", 8, 1)
    with board.writing() as session:
        decisions.disqualify(
            session,
            submissions.latest_evaluation(session, submissions.get(session, number)),
            "Planted by hand.",
        )
    seen = board.get("/api/v1/board").json
    assert seen["entries"] == []
    assert seen["unranked"][0]["sentence"] == "Planted by hand."
    assert seen["unranked"][0]["octaves"] > 7


class TestTheSchemaKeeps:
    def refuses(self, board, change):
        session = board.parts.writers()
        with session:
            change(session)
            with pytest.raises(IntegrityError):
                session.flush()

    def test_one_live_evaluation_of_a_submission_in_a_season(self, board):
        board.submit()
        self.refuses(board, lambda s: s.add(Evaluation(submission_id=1, season_id=board.season().id)))

    def test_a_score_for_whoever_is_scored(self, board):
        board.submit()
        self.refuses(board, lambda s: setattr(s.get(Evaluation, 1), "status", "scored"))

    def test_known_statuses(self, board):
        board.submit()
        self.refuses(board, lambda s: setattr(s.get(Evaluation, 1), "status", "brilliant"))

    def test_one_open_season(self, board):
        secret = bytes(32)
        self.refuses(
            board,
            lambda s: s.add(
                SeasonRow(
                    name="x", secret=secret, commitment="0" * 64, ranked=True, chains=1, octaves=1, points=2
                )
            ),
        )

    def test_foreign_keys(self, board):
        self.refuses(
            board,
            lambda s: s.add(
                Submission(
                    user_id=999,
                    name="n",
                    author="a",
                    description="d",
                    digest="0" * 64,
                    bytes=1,
                    weight_class="light",
                )
            ),
        )


def test_the_number_of_queries_does_not_grow_with_the_rows(board):
    from sqlalchemy import event

    statements = []
    engine = board.parts.readers.kw["bind"]

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    seen = {}
    for index in range(4):
        board.judged(f"entry {index}", 8 - index, index)
        board.submit(f"waiting {index}", values=100 + index)
        for path in ("/", "/api/v1/board"):
            statements.clear()
            assert board.get(path).status_code == 200
            seen.setdefault(path, []).append(len(statements))
    event.remove(engine, "before_cursor_execute", note)
    for counts in seen.values():
        assert counts == [counts[0]] * 4


def test_nan_is_found_before_it_leaves(board):
    with board.app.app_context(), pytest.raises(ValueError, match="JSON"):
        board.app.json.dumps({"octaves": float("nan")})
