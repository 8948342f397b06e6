"""What operators do to a whole board: pause it, judge many again, prune it; classes of machines; roles."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from challenge.util.queue import embedded_broker
from leaderboard import db
from leaderboard.cli.admin import admin
from leaderboard.models import Artifact, AuditRow, Evaluation, SeasonRow, Token
from leaderboard.queue import Queue
from leaderboard.serve.lease_reaper import reap_once
from leaderboard.services import artifacts, seasons
from leaderboard.storage import storage_of
from tests.leaderboard.test_views import png


@pytest.fixture
def run(board):
    def invoke(*arguments, code=0):
        where = ["--data", str(board.config.data), "--database", board.config.database]
        done = CliRunner().invoke(admin, [*where, *map(str, arguments)])
        assert done.exit_code == code, done.output
        return done.output

    return invoke


def test_a_paused_board_gives_out_nothing_and_says_why(board, run):
    board.submit("one")
    run("pause", "--reason", "Back at noon.")
    assert "already" in run("pause", code=6)
    assert board.claim_next() is None
    # People go on handing in.
    assert board.submit("two", values=2).status_code == 201
    assert "paused by the people who run this board. Back at noon." in board.get("/readyz").text
    assert board.get("/api/v1/board").json["absence"].endswith("Back at noon.")
    queue = Queue(board.config.broker)
    reap_once(board.parts.writers, queue, board.config)
    run("resume")
    assert "not paused" in run("resume", code=6)
    assert board.claim_next()["evaluation_id"] == 1
    queue.close()


def test_many_are_judged_again_at_once(board, run):
    good = board.judged("good", seed=1)
    bad = board.submit("bad", values=9).json
    lease, _ = board.claim(bad["evaluation_id"])
    failure = {"reason": "build_missing", "detail": ""}
    assert board.tell(bad["evaluation_id"], "failure", lease, json=failure).status_code == 200
    board.submit("waits", values=11)
    assert "2 submissions; --yes" in run("rejudge-all")
    assert "1 submissions; --yes" in run("rejudge-all", "--status", "scored")
    assert "0 submissions" in run("rejudge-all", "--reason", "internal")
    assert "1 submissions are" in run(
        "rejudge-all", "--status", "failed", "--reason", "build_missing", "--yes"
    )
    with board.writing() as session:
        live = session.query(Evaluation).filter(Evaluation.finished_at.is_(None)).all()
        assert sorted(one.submission_id for one in live) == [bad["id"], bad["id"] + 1]
        assert (
            session.query(AuditRow).filter_by(action="rejudge all").one().detail.startswith("1 submissions")
        )
    assert [e["submission_id"] for e in board.get("/api/v1/board").json["entries"]] == [good]


def drawn(board, name, octaves, seed):
    number = board.judged(name, octaves, seed)
    with board.writing() as session:
        evaluation = session.query(Evaluation).filter_by(submission_id=number).one()
        for octave in (2, 3):
            for kind in ("model", "error"):
                picture = f"spiral/{octave:02}/{kind}.png"
                artifacts.save(session, board.config, evaluation.id, picture, png((octave, 0, 9)))
        evaluation.thumbnail = "spiral/03/model.png"
        evaluation.finished_at -= timedelta(days=100)
        return evaluation.id


def test_pictures_of_superseded_entries_are_pruned(board, run):
    beaten, best = drawn(board, "beaten", 5.0, 1), drawn(board, "best", 9.0, 2)
    told = run("prune", "--older-than", 90)
    assert told.startswith("3 pictures of 1 evaluations")
    assert "0 pictures" in run("prune", "--older-than", 200, "--yes")
    assert run("prune", "--yes").startswith("Removed 3 pictures of 1 evaluations")
    with board.writing() as session:
        left = {(row.evaluation_id, row.name) for row in session.query(Artifact)}
    assert {name for number, name in left if number == beaten} == {"spiral/03/model.png"}
    assert len([name for number, name in left if number == best]) == 4
    keys = {file.key for file in storage_of(board.config).list("artifacts") if file.key.endswith("png")}
    assert keys == {artifacts.key_of(*one) for one in left}
    assert "0 pictures" in run("prune")


def test_a_season_is_judged_on_its_class_of_machine_alone(board, run):
    with board.writing() as session:
        name = seasons.current_season(session).name
    run("seasons", "close", name)
    run("seasons", "open", "fast", "--judged-on", "gpu")
    board.submit("one", track="both")

    def claim(machine):
        answer = board.client.post(f"/api/v1/worker/claim?machine={machine}", headers=board.worker)
        return answer.json["track"] if answer.status_code == 200 else answer.status_code

    # The samples track has budgets of its own for both.
    assert claim("cpu") == "samples"
    assert claim("cpu") == 204
    assert claim("gpu") == "open"
    assert claim("tpu") == 422
    with board.writing() as session:
        assert session.query(SeasonRow).filter_by(name="fast").one().judged_on == "gpu"


def test_each_class_of_machine_is_woken_on_its_own_queue(board, tmp_path):
    queue = Queue(embedded_broker(tmp_path))
    board.submit("one")
    board.submit("two", values=2)
    reap_once(board.parts.writers, queue, board.config)
    assert [queue._held(name) for name in ("evaluations", "evaluations.gpu")] == [2, 2]
    queue.close()


def test_a_token_expires(board, run):
    secret = run("tokens", "new", "ada", "--days", 2).strip()
    headers = {"Authorization": f"Bearer {secret}"}
    assert board.get("/api/v1/whoami", headers=headers).status_code == 200
    assert ", until 20" in run("tokens", "list")
    with board.writing() as session:
        session.query(Token).filter_by(prefix=secret[:10]).one().expires_at = db.now() - timedelta(seconds=1)
    assert board.get("/api/v1/whoami", headers=headers).status_code == 401
    assert "invalid" in run("tokens", "list")


def test_people_get_a_role_and_another_name(board, run):
    assert "ada is an administrator" in run("users", "role", "ada", "--administrator")
    assert "already" in run("users", "role", "ada", "--administrator", code=6)
    run("users", "role", "ada", "--no-administrator")
    assert "called countess" in run("users", "rename", "ada", "countess")
    assert "already somebody" in run("users", "rename", "countess", "eve", code=6)
    assert board.get("/api/v1/whoami", headers=board.user).json["name"] == "countess"


def test_the_page_of_administrators(board, run, browser):
    visitor = browser(board.app)
    visitor.sign_up("grace")
    # Nobody else learns that there is such a page.
    assert visitor.get("/admin").status_code == 404
    assert board.get("/admin").status_code == 404
    assert board.client.post("/admin/pause").status_code in {400, 404}
    run("users", "role", "grace", "--administrator")
    assert 'href="/admin"' in visitor.get("/account").text
    board.submit("first <b>")
    board.submit("second", values=2)
    lease, _ = board.claim(1)
    bad = board.submit("bad", values=3).json["evaluation_id"]
    held, _ = board.claim(bad)
    board.tell(bad, "failure", held, json={"reason": "build_missing", "detail": ""})
    text = visitor.get("/admin").text
    for part in ("first &lt;b&gt;", "validating", "build_missing", "grace", "administrator", "2 under way"):
        assert part in text, part
    assert visitor.fill("/admin", "/admin/evaluations/1/requeue").status_code == 303
    assert board.tell(1, "status", lease, json={"status": "predicting"}).status_code == 409
    assert visitor.fill("/admin", "/admin/evaluations/2/cancel").status_code == 303
    assert board.get("/api/v1/submissions/2").json["status"] == "cancelled"
    assert visitor.fill("/admin", "/admin/pause", reason="Lunch.").status_code == 303
    assert "Lunch." in visitor.get("/admin").text
    assert board.claim_next() is None
    assert visitor.fill("/admin", "/admin/resume").status_code == 303
    with board.writing() as session:
        actors = {row.action: row.actor for row in session.query(AuditRow)}
    assert {actors[what] for what in ("requeue", "cancel", "pause", "resume")} == {"administrator grace"}
