"""Pages of the board against the same choices made in Python over all of its rows."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import event, insert, select, update

from leaderboard.db import now
from leaderboard.models import Evaluation, ReportRow, Submission, User
from leaderboard.services import board_lists, board_query, queue_order, ranking_rebuild, rankings, seasons
from leaderboard.services.board_query import BoardQuery
from tests.support import seed_data

COUNT = 40
CHAINS = 16


def fill(session, count=COUNT):
    """Entries of half as many people, the first one the references'; the last two are provisional."""
    season = seasons.current_season(session)
    random, moment = np.random.default_rng(3), now() - timedelta(days=30)
    people = max(count // 2, 2)
    session.execute(
        insert(User), [{"id": 100 + n, "name": f"person {n}", "reference": n == 0} for n in range(people)]
    )
    rows = {Submission: [], Evaluation: [], ReportRow: []}
    for n in range(1, count + 1):
        table = seed_data.skills(float(random.uniform(2, 14)), n, chains=CHAINS)
        done = n <= count - 2
        rows[Submission].append(
            {"id": n, "user_id": 100 + n % people, "name": f"{'aB'[n % 2]} {n}", "author": "a",
             "description": "", "digest": f"{n:064}", "bytes": int(2 ** random.uniform(10, 28)),
             "weight_class": ("feather", "light")[n % 4 == 0],
             "created_at": moment + timedelta(hours=n)}
        )  # fmt: skip
        rows[Evaluation].append(
            {"id": n, "submission_id": n, "season_id": season.id, "status": "scored" if done else "queued",
             "finished_at": moment + timedelta(minutes=int(random.integers(999))) if done else None,
             "octaves": float(table.mean(axis=0).sum()), "interval_low": 1.0, "interval_high": 15.0,
             "depth": float(random.uniform(0, 14)) if n % 7 else None, "precision_db": n % 5,
             "predictions_per_second": 1e6, "urgency": 2}
        )  # fmt: skip
        rows[ReportRow].append(
            {"evaluation_id": n, "digest": "f" * 64, "body": "{}", "skill": table.mean(axis=0).tobytes(),
             "skill_by_chain": table.tobytes()}
        )  # fmt: skip
    for kind, values in rows.items():
        session.execute(insert(kind), values)
    ranking_rebuild.rebuild(session, season)


@pytest.fixture
def filled(board):
    with board.writing() as session:
        fill(session)
    return board


KEYS = {
    "octaves": lambda e: e.evaluation.octaves,
    "name": lambda e: e.submission.name.lower(),
    "depth": lambda e: e.evaluation.depth,
    "precision": lambda e: e.evaluation.precision_db,
    "universality": lambda e: e.evaluation.universality,
    "bytes": lambda e: e.submission.bytes,
    "speed": lambda e: e.evaluation.predictions_per_second,
    "date": lambda e: e.evaluation.finished_at,
}


@pytest.mark.costly
def test_every_order_and_filter_is_the_one_that_python_finds(filled):
    season = filled.season()
    with filled.parts.readers() as session:
        whole = board_lists.page(session, season, BoardQuery(entries="all", per_page=500)).entries
        assert sorted(e.evaluation.id for e in whole) == list(range(1, COUNT + 1))
        assert [e.evaluation.octaves for e in whole] == sorted(
            (e.evaluation.octaves for e in whole), reverse=True
        )
        assert sum(e.evaluation.provisional for e in whole) == 2
        for sort, key in KEYS.items():
            for order in board_query.ORDERS:
                known = [e for e in whole if key(e) is not None]
                known.sort(key=key, reverse=order == "desc")
                expected = known + [e for e in whole if key(e) is None]
                query = BoardQuery(entries="all", sort=sort, order=order, per_page=7)
                pages = [board_lists.page(session, season, replace(query, page=n)) for n in range(1, 8)]
                found = [e.evaluation.id for page in pages for e in page.entries]
                assert found == [e.evaluation.id for e in expected], (sort, order)
                assert {page.total for page in pages} == {COUNT}
                assert pages[0].count == 6
                assert not pages[6].entries
        query = BoardQuery(weight="light", kind="reference", entries="all", per_page=500)
        found = board_lists.page(session, season, query)
        assert [e.evaluation.id for e in found.entries] == [
            e.evaluation.id
            for e in whole
            if e.submission.weight_class == "light" and e.submission.user.reference
        ]
        assert found.total == len(found.entries) > 0


def test_a_provisional_entry_gets_the_rank_that_it_has_once_it_is_scored(filled):
    season = filled.season()

    def rank(session):
        entries = board_lists.page(session, season, BoardQuery(entries="all", per_page=500)).entries
        return next(e.rank for e in entries if e.evaluation.id == COUNT)

    # From the beginning it is compared with the other one that waits.
    with filled.parts.readers() as session:
        expected = rank(session)
        assert rank(session) == expected
    for number in (COUNT - 1, COUNT):
        with filled.parts.readers() as session:
            assert rank(session) == expected
        with filled.writing() as session:
            evaluation = session.get_one(Evaluation, number)
            evaluation.status, evaluation.finished_at = "scored", now()
            rankings.refresh(session, evaluation.submission, evaluation.season)
    with filled.parts.readers() as session:
        assert rank(session) == expected


def test_provisional_entries_rank_beside_each_other_and_an_author_by_the_best(board):
    """Three that wait, and nothing that ranks: two of one person, whose lesser one counts for nobody."""
    with board.writing() as session:
        fill(session, 3)
        session.execute(update(Evaluation).values(status="queued", finished_at=None))
        session.execute(update(Submission).where(Submission.id == 2).values(user_id=101))
        session.execute(update(User).values(reference=False))
        session.execute(update(Submission).where(Submission.id == 3).values(user_id=100))
        for number, depth in ((1, 3.0), (2, 6.0), (3, 9.0)):
            table = seed_data.skills(depth, number, chains=CHAINS)
            changed = {"skill": table.mean(axis=0).tobytes(), "skill_by_chain": table.tobytes()}
            session.execute(update(ReportRow).where(ReportRow.evaluation_id == number).values(changed))
            score = {"octaves": float(table.mean(axis=0).sum())}
            session.execute(update(Evaluation).where(Evaluation.id == number).values(score))
        ranking_rebuild.rebuild(session, seasons.current_season(session))

    def shown(entries):
        with board.parts.readers() as session:
            found = board_lists.page(session, board.season(), BoardQuery(entries=entries)).entries
            return {entry.evaluation.id: entry.rank for entry in found}

    assert shown("all") == {3: (1, 1), 2: (2, 2), 1: (3, 3)}
    assert shown("best") == {3: (1, 1), 2: (2, 2), 1: (2, 2)}


def test_the_interface_lists_pages_and_the_table_holds_all(filled):
    found = filled.get("/api/v1/board?entries=all&per_page=9&page=2").json
    assert [len(found["entries"]), found["page"]["total"]] == [9, COUNT]
    lines = filled.get("/board.csv?entries=all").text.splitlines()
    assert len(lines) == 1 + COUNT - 2
    assert filled.get("/history?track=open").status_code == 200


def test_a_position_is_that_in_the_list_of_all_that_wait(board):
    for number in range(6):
        headers = (board.user, board.stranger, board.reference)[number % 3]
        board.submit(f"n{number}", headers=headers, track="both", values=number + 1)
    with board.parts.readers() as session:
        waiting = session.scalars(queue_order.in_turn(select(Evaluation)).where(queue_order.queued())).all()
        assert len(waiting) == 12
        expected = {evaluation.id: place for place, evaluation in enumerate(waiting, 1)}
        view = board.parts.queue_view
        assert {e.id: view.place(session, e).position for e in waiting} == expected
        assert queue_order.positions(session) == expected
        some = list(expected)[3:5]
        assert queue_order.positions(session, some) == {number: expected[number] for number in some}


@pytest.mark.costly
def test_a_board_of_many_reads_no_more_rows_than_one_of_few(board):
    """Of 300 entries and 300 that wait, a page holds a few objects, whatever is shown."""
    with board.writing() as session:
        fill(session, 300)
        session.execute(
            insert(Submission),
            [
                {"id": 1000 + n, "user_id": 101, "name": f"w{n}", "author": "a", "description": "",
                 "digest": f"{1000 + n:064}", "bytes": 1, "weight_class": "light"}
                for n in range(300)
            ],
        )  # fmt: skip
        session.execute(
            insert(Evaluation),
            [{"id": 1000 + n, "submission_id": 1000 + n, "season_id": board.season().id} for n in range(300)],
        )
    loaded = []

    def note(target, _context):
        loaded.append(target)

    event.listen(Evaluation, "load", note)
    try:
        text = board.get("/").text
        shown = len(loaded)
        loaded.clear()
        assert "and 262 more in the queue" in text
        assert board.get("/").status_code == 200
    finally:
        event.remove(Evaluation, "load", note)
    assert shown <= 120
    # The second time only what waits is read.
    assert len(loaded) <= 40
