"""Stored ranks: the same as ranking everything anew, whatever happens in which order."""

import json
import random

import numpy as np
import pytest
from sqlalchemy import select

from challenge.scoring.metrics import compare_octaves, paired_interval, rank_ranges
from leaderboard.models import RankedEntry, RankTable, ReportRow, Submission
from leaderboard.services import decisions, people, ranking_rebuild, submissions, tokens
from tests.support import seed_data


@pytest.fixture
def add(board):
    """add(octaves, seed, owner) is the number of a submission that was judged."""
    headers = {}

    def make(octaves, seed, owner="ada", **changes):
        if owner not in headers:
            with board.writing() as session:
                secret = tokens.new_token(session, tokens.ensure_user(session, owner))
            headers[owner] = {"Authorization": f"Bearer {secret}"}
        return board.judged(f"entry {seed}", octaves, seed, headers=headers[owner], **changes)

    return make


def names(board, query=""):
    return [entry["name"] for entry in board.get(f"/api/v1/board{query}").json["entries"]]


def stored(board):
    with board.parts.readers() as session:
        best = session.execute(select(RankedEntry.evaluation_id, RankedEntry.best)).all()
        tables = session.scalars(select(RankTable).order_by(RankTable.track, RankTable.entries)).all()
        return dict(map(tuple, best)), [(t.track, t.entries, t.counts) for t in tables if t.counts]


def oracle(board, query):
    """The ranks of a board's entries, each compared with each by their reports."""
    entries = board.get(f"/api/v1/board{query}").json["entries"]
    tables = []
    # As the workers sent them: what is public of an open season has no skills by chain.
    with board.parts.readers() as session:
        for entry in entries:
            body = session.get(ReportRow, entry["evaluation_id"]).body
            tables.append(np.array(json.loads(body)["skill_by_chain"]))
    better = [[paired_interval(a, b)[0] > 0 for b in tables] for a in tables]
    count = range(len(tables))
    expected = [
        [1 + sum(better[j][i] for j in count), len(tables) - sum(better[i][j] for j in count)] for i in count
    ]
    assert expected == [list(found) for found in rank_ranges(tables)]
    return [entry["rank"] for entry in entries], expected


@pytest.mark.costly
@pytest.mark.parametrize("seed", [1, 2])
def test_ranks_are_those_of_comparing_everything_with_everything(board, add, seed):
    choice = random.Random(seed)
    made = []
    for number in range(24):
        made.append(add(choice.uniform(6.0, 7.0), 100 * seed + number, f"person {choice.randrange(6)}"))
        what = choice.random()
        if len(made) > 3 and what < 0.4:
            one = made.pop(choice.randrange(len(made)))
            with board.writing() as session:
                found = submissions.get(session, one)
                if what < 0.15:
                    decisions.disqualify(session, submissions.latest_evaluation(session, found), "Why not.")
                elif what < 0.3:
                    submissions.hide(session, found, hidden=True)
                    if what < 0.2:
                        submissions.hide(session, found, hidden=False)
                        made.append(one)
            if what >= 0.3:
                with board.writing() as session:
                    people.delete_submission(session, board.config, "test", submissions.get(session, one))
    for query in ("?entries=all", "?entries=best"):
        ranks, expected = oracle(board, query)
        assert ranks == expected
    before = stored(board)
    with board.writing() as session:
        ranking_rebuild.rebuild(session, submissions.get(session, made[0]).evaluations[0].season)
    assert stored(board) == before


def test_everybody_ranks_by_their_best_entry(board, add):
    for seed, (octaves, owner) in enumerate(((6.0, "ada"), (9.0, "ada"), (7.0, "eve"), (8.0, "ada")), 1):
        add(octaves, seed, owner)
    assert names(board) == ["entry 2", "entry 3"]
    assert [e["rank"] for e in board.get("/api/v1/board").json["entries"]] == [[1, 1], [2, 2]]
    assert names(board, "?entries=all") == ["entry 2", "entry 4", "entry 3", "entry 1"]
    with board.writing() as session:
        best = session.query(Submission).filter(Submission.name == "entry 2").one()
        submissions.hide(session, best, hidden=True)
    assert names(board) == ["entry 4", "entry 3"]


def test_every_reference_ranks(board):
    for seed in (1, 2):
        board.judged(f"reference {seed}", 6.0 + seed, seed, headers=board.reference)
    assert names(board) == ["reference 2", "reference 1"]


class TestFlagged:
    @pytest.fixture
    def flagged(self, board, add):
        add(7.0, 1, "eve")
        number = add(12.0, 2, "ada", flagged=True)
        add(6.0, 3, "ada")
        return number

    def test_it_does_not_rank_and_the_page_says_why(self, board, flagged):
        assert names(board) == ["entry 1", "entry 3"]
        found = board.get("/api/v1/board").json
        waiting = [e for e in found["unranked"] if e["awaits_decision"]]
        assert [(e["name"], e["rank"], e["octaves"] > 11) for e in waiting] == [("entry 2", None, True)]
        assert "Flagged by" in waiting[0]["sentence"]
        assert found["entries"][0]["rank"] == [1, 1]
        assert "waits for a person" in board.get("/").text
        page = board.get(f"/submissions/{flagged}").text
        assert "until a person accepts it" in page
        assert "<code>mbc reproduce</code>" in page

    def test_a_person_accepts_it(self, board, flagged):
        with board.writing() as session:
            evaluation = submissions.latest_evaluation(session, submissions.get(session, flagged))
            decisions.accept(session, evaluation, "Trained again.")
        assert names(board) == ["entry 2", "entry 1"]
        status = board.get(f"/api/v1/submissions/{flagged}").json
        assert (status["flagged"], status["awaits_decision"]) == (True, False)
        assert "Accepted by a person: Trained again." in board.get(f"/submissions/{flagged}").text

    def test_what_waits_for_nobody_cannot_be_accepted(self, board, add):
        from leaderboard.errors import Refused

        number = add(7.0, 1)
        with board.writing() as session:
            evaluation = submissions.latest_evaluation(session, submissions.get(session, number))
            with pytest.raises(Refused, match="waits for nobody"):
                decisions.accept(session, evaluation, "Why not.")


def test_comparing_one_with_many_is_comparing_it_with_each():
    tables = [seed_data.skills(6.0 + k / 10, k, chains=16) for k in range(12)]
    sums = np.array([table.sum(axis=1) for table in tables])
    for own in range(12):
        expected = [
            int(paired_interval(tables[own], other)[0] > 0) - int(paired_interval(other, tables[own])[0] > 0)
            for other in tables
        ]
        assert compare_octaves(sums[own], sums).tolist() == expected
