"""What operators see: metrics at an address of their own, and log lines with one id from upload to report."""

import io
import json
import logging
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from challenge.results.verdicts import Fault
from challenge.util import log_lines
from leaderboard.db import now
from leaderboard.models import Evaluation, StageRow
from leaderboard.serve import metrics as serving
from leaderboard.services.metrics import DatabaseCollector
from tests.support.processes import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_what_ends_is_counted_when_it_is_committed(board):
    def ended():
        return value("mbc_evaluations_ended_total", track="open", verdict="scored", fault="", reason="")

    def parts():
        return value("mbc_evaluation_part_seconds_count", track="open", part="predicting")

    before, timed = ended(), parts()
    board.judged("one", timings={"predicting": 3.5})
    board.submit("two", values=7)
    assert (ended() - before, parts() - timed) == (1, 1)
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(board.parts.readers))
    assert registry.get_sample_value("mbc_queue_depth", {"track": "open", "stage": "octaves"}) == 1
    assert registry.get_sample_value("mbc_queue_oldest_seconds", {"track": "open", "stage": "octaves"}) >= 0
    assert registry.get_sample_value("mbc_database_up") == 1
    board.claim_next()
    under_way = {"track": "open", "status": "validating"}
    assert registry.get_sample_value("mbc_evaluations_under_way", under_way) == 1


def test_the_queue_is_told_of_by_the_stage_that_comes_next(board):
    board.submit("fresh", values=9)
    measured, certified, learned = (
        board.submit(f"{n}", values=1 + n, track=track).json["evaluation_id"]
        for n, track in enumerate(("open", "open", "samples"))
    )
    with board.writing() as session:
        for number in (measured, certified):
            session.get(Evaluation, number).octaves = 5.0
        session.add(StageRow(evaluation_id=certified, stage="certificate", body="{}"))
        session.add(StageRow(evaluation_id=learned, stage="target-1", body="{}"))
        session.get(Evaluation, measured).queued_at = now() - timedelta(hours=1)
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(board.parts.readers))

    def told(name, track, stage):
        return registry.get_sample_value(name, {"track": track, "stage": stage})

    stages = [("open", "certificate"), ("open", "integrity"), ("open", "octaves"), ("samples", "target-2")]
    assert [told("mbc_queue_depth", *one) for one in stages] == [1, 1, 1, 1]
    assert told("mbc_queue_oldest_seconds", "open", "certificate") == pytest.approx(3600, abs=60)
    assert told("mbc_queue_oldest_seconds", "open", "octaves") < 60


def test_a_database_that_is_away_is_told_of(tmp_path):
    from leaderboard import db

    engine = db.make_engine(f"sqlite:///{tmp_path / 'missing' / 'x.sqlite'}")
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(db.make_readers(engine)))
    assert b"mbc_database_up 0.0" in generate_latest(registry)


def test_requests_are_counted_by_route_and_not_by_address(board):
    labels = {"route": "/submissions/<int:submission_id>", "method": "GET", "status": "404"}
    before = value("mbc_http_request_seconds_count", **labels)
    for number in (98, 99):
        assert board.get(f"/submissions/{number}").status_code == 404
    assert value("mbc_http_request_seconds_count", **labels) - before == 2
    # Visitors do not reach it.
    assert board.get("/metrics").status_code == 404


def test_alerts_are_about_metrics_that_there_are(board):
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(board.parts.readers))
    told = (generate_latest(registry) + generate_latest(REGISTRY)).decode()
    known = set(re.findall(r"^# TYPE (\w+)", told, re.MULTILINE))
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len(rules) == len({rule["alert"] for rule in rules})
    asked = {name for rule in rules for name in re.findall(r"mbc_\w+", rule["expr"])}
    assert {re.sub(r"_(bucket|count)$", "", name) for name in asked} <= known
    faults = {name for rule in rules for name in re.findall(r'fault="(\w+)"', rule["expr"])}
    assert faults <= {fault.value for fault in Fault}


def test_promtool_takes_the_alerts():
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool: apt-get install prometheus")
    found = subprocess.run(
        [program, "check", "rules", DEPLOY / "prometheus" / "alerts.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr


@pytest.fixture
def served_metrics(board, monkeypatch):
    monkeypatch.setattr(serving, "REGISTRY", CollectorRegistry())
    return lambda port: serving.serve_metrics(f"127.0.0.1:{port}", board.parts.readers)


def test_they_are_told_at_an_address_of_their_own(served_metrics, caplog):
    port = free_port()
    served_metrics(port)
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text
    assert "mbc_http_request_seconds_bucket" in text
    with caplog.at_level(logging.ERROR):
        served_metrics(port)
    assert f"the metrics cannot be served at 127.0.0.1:{port}: Address already in use" in caplog.text


@pytest.fixture
def lines(monkeypatch):
    """The JSON lines that the leaderboard logs."""
    monkeypatch.setenv(log_lines.SWITCH, "yes")
    out = io.StringIO()
    handler = log_lines.handler("server")
    handler.setStream(out)
    logger = logging.getLogger("leaderboard")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_one_id_leads_from_the_upload_to_the_report(board, lines):
    board.user["X-Request-ID"] = "upload-17"
    answer = board.submit("one")
    assert answer.headers["X-Request-ID"] == "upload-17"
    lease, claim = board.claim(answer.json["evaluation_id"])
    assert claim["trace"] == "upload-17"
    # As the worker's client sends it.
    told = board.tell(1, "report", lease | {"X-Request-ID": claim["trace"]}, json=board.report())
    assert told.status_code == 200
    found = [line for line in lines() if line["id"] == "upload-17" and "evaluation" in line]
    assert [line["message"].partition(":")[0] for line in found] == [
        "submission 1 is queued, open track",
        "evaluation 1 is scored",
    ]
    assert {line["evaluation"] for line in found} == {1}
    requests = [line for line in lines() if "path" in line]
    assert {"method", "path", "status", "ms", "time", "level", "who"} <= requests[0].keys()


def test_an_id_that_is_none_is_replaced(board):
    answer = board.get("/healthz", headers={"X-Request-ID": "x" * 100 + "<script>"})
    assert len(answer.headers["X-Request-ID"]) == 16


def test_lines_for_people_have_date_level_and_id():
    record = logging.LogRecord("leaderboard.x", logging.WARNING, "", 0, "Disk is %s.", ("full",), None)
    with log_lines.identified("abc"):
        line = log_lines.TextFormatter("server").format(record)
    assert line.endswith(" WARNING server: Disk is full. [abc]")
    assert line[:2] == "20"
    assert "[" not in log_lines.TextFormatter("server").format(record)
