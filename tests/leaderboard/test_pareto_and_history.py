import re
from datetime import timedelta
from itertools import pairwise

import numpy as np

from leaderboard.charts import pareto_and_history
from leaderboard.db import now
from leaderboard.services import records
from leaderboard.services.board_lists import ListedEntry
from leaderboard.services.board_query import BoardQuery

START = now()


def entries(count=60, seed=0):
    random = np.random.default_rng(seed)
    return [
        ListedEntry(
            submission_id=i,
            evaluation_id=i,
            name=f"n{i}",
            author="Ada",
            bytes=int(2 ** random.uniform(10, 28)),
            created_at=START + timedelta(hours=float(random.uniform(0, 900))),
            reference=i % 5 == 0,
            octaves=float(random.uniform(0, 14)),
            rank=(1, 1),
        )
        for i in range(count)
    ]


def test_the_front_is_whom_nobody_as_small_beats():
    found = entries()
    plot = pareto_and_history.pareto_plot(found, 32)
    on_it = {mark.entry.submission_id for mark in plot.marks if mark.leads}
    expected = {
        a.submission_id for a in found if not any(b.bytes <= a.bytes and b.octaves > a.octaves for b in found)
    }
    assert on_it == expected
    assert len(plot.marks) == len(found)
    for mark in plot.marks:
        assert plot.frame.left <= mark.x <= plot.frame.right
        assert plot.frame.top <= mark.y <= plot.frame.bottom
    # Twice the bytes are the same step wherever it is taken.
    places = [x for x, _ in plot.xticks]
    assert np.ptp(np.diff(places)) < 0.3


def test_a_step_of_the_history_is_a_lead_that_is_confirmed():
    found = entries(30, 1)
    margin = 1.5
    holders = records.record_holders(found, lambda a, b: a.octaves > b.octaves + margin)
    plot = pareto_and_history.record_plot(found, 32, START + timedelta(hours=1000), holders)
    leaders = [mark.entry.octaves for mark in plot.marks if mark.leads]
    assert leaders == sorted(leaders)
    assert all(b > a + margin for a, b in pairwise(leaders))
    assert len(re.findall("V", plot.line)) == len(leaders) - 1


def test_a_plot_of_thousands_keeps_everybody_who_leads():
    found = entries(3000, 2)
    plot = pareto_and_history.pareto_plot(found, 32)
    assert len(plot.marks) < 400
    everybody = pareto_and_history.pareto_plot(found[:100], 32)
    assert any(mark.leads for mark in everybody.marks)
    best = max(found, key=lambda e: e.octaves)
    assert best.submission_id in {mark.entry.submission_id for mark in plot.marks if mark.leads}


def test_nobody_there_is_no_plot():
    assert pareto_and_history.pareto_plot([], 32) is None
    assert pareto_and_history.record_plot([], 32, START, []) is None


def test_a_wish_comes_back_from_its_address():
    for wish in (
        BoardQuery(),
        BoardQuery(season="s", weight="light", kind="people", sort="bytes", order="asc", page=3, per_page=7),
        BoardQuery(family=12, entries="all"),
        BoardQuery(sort="name", order="desc"),
    ):
        query = {name: str(value) for name, value in wish.to_query(page=wish.page).items()}
        assert BoardQuery.read(query) == wish
    assert BoardQuery(sort="name", order="asc").to_query() == {"sort": "name"}
    assert BoardQuery(sort="bytes", order="asc").by("bytes") == {"sort": "bytes", "order": "desc"}
    assert BoardQuery(page=4, kind="people").by("depth") == {"kind": "people", "sort": "depth"}
