"""What is public of a result while its hidden points are worth stealing, and when its season has ended."""

import csv
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.services import public_export, publication, seasons
from tests.support import seed_data

# A coordinate of a hidden point, as a model would write it into a figure that it chooses.
HIDDEN = 0.0012345678901234567
CLAIMED = 9123456781


@pytest.fixture
def leaking(board):
    """A judged submission whose figures all carry the point; its number, and the two reports."""
    made = board.submit("one", track="both").json
    numbers = {one["track"]: one["evaluation_id"] for one in made["evaluations"]}
    lease, _ = board.claim(numbers["open"])
    # In each mean, and in their sum, too.
    by_chain = np.full((16, 32), 0.25)
    by_chain[:, 0] += HIDDEN
    report = seed_data.report(board.season(), by_chain)
    for probe in report["integrity"]["probes"]:
        probe["figure"] = HIDDEN
    report |= {"depth": 7 + HIDDEN, "precision_db": 31 + HIDDEN, "predictions_per_second": 1e6 * (1 + HIDDEN)}
    report["timings"] = {"predicting": HIDDEN}
    report["universality"]["controls"][0]["refits"] = [HIDDEN]
    assert board.tell(numbers["open"], "report", lease, json=report).status_code == 200
    lease, _ = board.claim(numbers["samples"])
    learned = seed_data.samples_report(board.season(), 5.0) | {"parameters": CLAIMED}
    for target in learned["targets"]:
        target |= {"judged_on": HIDDEN, "checkpoints": CLAIMED, "film": [HIDDEN], "depth": 5 + HIDDEN}
    assert board.tell(numbers["samples"], "report", lease, json=learned).status_code == 200
    return made["id"], report, learned


# Not for everybody, or nothing of an entry.
NOT_PUBLIC = ("/static/", "/api/v1/worker/", "/api/v1/tiles/", "/leaflet/", "/learn/")
QUERIES = ("", "?track=samples", "?a=1&b=2", "?a=1&b=2&track=samples", "?second=2")


def everything(board):
    """Every address with words or numbers for everybody, with its text, where all are numbered 1 and 2."""
    values = {"slug": "seahorse-valley", "name": "x/05/model.png", "what": "fit", "picture": "truth"}
    found = {}
    for rule in board.app.url_map.iter_rules():
        if "GET" in rule.methods and not rule.rule.startswith(NOT_PUBLIC):
            given = {name: values.get(name, 1) for name in rule.arguments}
            _, path = rule.build(given, append_unknown=False)
            for query in QUERIES:
                with board.get(path + query) as answer:
                    if answer.status_code == 200 and not answer.mimetype.startswith("image/"):
                        found[path + query] = answer.text
    with board.parts.readers() as session:
        found["export"] = json.dumps(public_export.export(session))
    return found


def floats_in(value):
    """Every float of a JSON value."""
    if isinstance(value, float):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [number for one in inside for number in floats_in(one)]


def length(value):
    """How many digits a number is written with, without leading zeros."""
    return len(repr(abs(value)).replace(".", "").lstrip("0"))


def test_nothing_public_of_an_open_season_holds_the_point(board, leaking):
    board.judged("two", headers=board.stranger, seed=1)
    found = everything(board)
    entry = f"/submissions/{leaking[0]}"
    assert found.keys() >= {
        entry, f"{entry}/explore", f"/api/v1{entry}/report?track=samples", f"/api/v1{entry}/events",
        "/compare?a=1&b=2", "/board.csv", "/api/v1/board?track=samples", "/history", "/people/1", "export",
    }  # fmt: skip
    assert [path for path, text in found.items() if "23456" in text] == []


@pytest.mark.parametrize("track", ["open", "samples"])
def test_the_public_report_has_few_digits_and_names_what_it_lacks(board, leaking, track):
    found = board.get(f"/api/v1/submissions/{leaking[0]}/report?track={track}").json
    assert {"skill_by_chain", "timings", "seconds"} <= set(found["withheld"])
    targets = found.get("targets", [])
    assert not set(found["withheld"]) & {*found.keys(), *(name for one in targets for name in one)}
    values = floats_in(found)
    assert len(values) > 20
    assert all(length(value) <= 5 for value in values if abs(value) < 100), values


def test_all_of_it_is_public_when_the_season_has_ended(board, leaking):
    number, report, learned = leaking
    name = board.season().name
    with board.writing() as session:
        seasons.close_season(session, name)
    path = f"/api/v1/submissions/{number}/report"
    assert board.get(path).json == json.loads(json.dumps(report))
    assert board.get(f"{path}?track=samples").json == json.loads(json.dumps(learned))
    entry = board.get(f"/api/v1/board?season={name}").json["entries"][0]
    assert (entry["octaves"], entry["depth"]) == (report["octaves"], report["depth"])
    rows = list(csv.DictReader(io.StringIO(board.get(f"/board.csv?season={name}").text)))
    assert float(rows[0]["octaves"]) == report["octaves"]


def test_ranks_follow_full_precision(board):
    """Two entries whose public figures are equal stand in the order of the hidden digits."""
    people = (("behind", 0.0, board.user), ("ahead", 1e-7, board.stranger))
    for index, (name, more, headers) in enumerate(people):
        made = board.submit(name, headers=headers, values=index + 1).json
        lease, _ = board.claim(made["evaluation_id"])
        by_chain = np.minimum(seed_data.skills(8.0, 1, chains=16) + more, 1.0)
        board.tell(made["evaluation_id"], "report", lease, json=seed_data.report(board.season(), by_chain))
    entries = board.get("/api/v1/board").json["entries"]
    assert [entry["name"] for entry in entries] == ["ahead", "behind"]
    assert entries[0]["octaves"] == entries[1]["octaves"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_rounded_figure_is_near_and_short(value):
    made = publication.round_figure(value)
    assert publication.round_figure(made) == made
    assert abs(made - value) <= max(0.0051 * abs(value), 5.1e-5)
    if abs(value) < 99:
        assert len(f"{abs(made):.6f}".strip("0").replace(".", "").lstrip("0")) <= 4
    # Nor does a sign tell anything of a zero.
    assert made != 0 or math.copysign(1, made) == 1
