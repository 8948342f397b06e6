import json
import tarfile

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.engine import make_url

from leaderboard import db
from leaderboard.app import create_app
from leaderboard.cli.admin import admin
from leaderboard.cli.backup import KEPT
from leaderboard.commands import HELP
from leaderboard.config import Config
from leaderboard.models import Base


@pytest.fixture
def run(board):
    def call(*words, code=0):
        where = ["--data", str(board.config.data), "--database", board.config.database]
        result = CliRunner().invoke(admin, [*where, *words])
        assert result.exit_code == code, result.output
        return result.output

    return call


def test_a_new_user_gets_a_token_that_works(board, run):
    secret = run("users", "add", "grace").splitlines()[-1]
    assert board.get("/api/v1/whoami", headers={"Authorization": f"Bearer {secret}"}).json["name"] == "grace"
    assert "already" in run("users", "add", "grace", code=6)


def test_a_revoked_token_opens_nothing(board, run):
    secret = run("tokens", "new", "ada").strip()
    assert secret not in run("tokens", "list")
    run("tokens", "revoke", secret[:10])
    assert board.get("/api/v1/whoami", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_only_the_digest_of_a_token_is_kept(board, run):
    secret = run("tokens", "new", "--worker").strip()
    for path in board.config.data.iterdir():
        if path.is_file():
            assert secret.encode() not in path.read_bytes()


def test_seasons_are_closed_and_opened(board, run):
    assert "still open" in run("seasons", "open", "spring", code=6)
    secret = run("seasons", "close", "season-1").split()[-1]
    run("seasons", "open", "spring")
    rows = {row["name"]: row for row in json.loads(run("seasons", "list", "--json"))}
    assert rows["season-1"]["secret"] == secret
    assert rows["spring"]["secret"] is None
    assert "never closes" in run("seasons", "close", "practice", code=6)
    assert board.get("/api/v1/board").json["season"]["name"] == "spring"


def test_rejudge_queues_and_refuses_twice(board, run):
    number = board.judged("one", 8, 1)
    assert "practice" in run("rejudge", str(number), "--season", "practice")
    assert "already" in run("rejudge", str(number), "--season", "practice", code=6)
    assert "no such" in run("rejudge", "99", code=6)


def test_disqualify(board, run):
    number = board.judged("one", 8, 1)
    run("disqualify", str(number), "--reason", "Planted.")
    assert board.get("/api/v1/board").json["unranked"][0]["sentence"] == "Planted."
    run("disqualify", str(number), "--reason", "Planted.", code=6)


def test_the_export_holds_reports_and_no_open_secret(board, run, tmp_path):
    board.judged("one", 8, 1)
    run("export", "--out", str(tmp_path / "out.json"))
    text = (tmp_path / "out.json").read_text()
    assert len(json.loads(text)["evaluations"][0]["report"]["skill"]) == 32
    assert board.season().secret.hex() not in text
    assert "mbc_" not in text


def test_what_was_done_can_be_read(board, run):
    number = board.judged("one", 8, 1)
    run("users", "add", "grace")
    run("disqualify", str(number), "--reason", "Planted.")
    rows = json.loads(run("audit", "--json"))
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("add user", "user grace"),
        ("disqualify", "submission 1"),
    ]
    assert rows[1]["detail"] == "Planted."
    assert rows[1]["actor"].startswith("admin")
    assert "disqualify, submission 1  Planted." in run("audit", "-n", "1")


def test_an_entry_is_hidden_and_shown_again(board, run):
    number = str(board.judged("one", 8, 1))
    run("hide", number, "--reason", "An insult.")
    assert board.get("/api/v1/board").json["entries"] == []
    assert "error: Submission 1 is hidden already." in run("hide", number, "--reason", "x", code=6)
    run("show", number)
    assert len(board.get("/api/v1/board").json["entries"]) == 1
    assert [row["action"] for row in json.loads(run("audit", "--json"))] == ["hide", "show"]


def test_people_are_listed_and_get_new_passwords(board, run):
    board.submit("one")
    rows = {row["name"]: row for row in json.loads(run("users", "list", "--json"))}
    assert rows["ada"]["submissions"] == 1
    assert rows["ada"]["signs_in_with"] == "a token"
    assert rows["reference"]["reference"]
    run("users", "password", "ada", "--password", "three quiet elephants")
    assert "signs in with a password" in run("users", "list")
    assert "error: " in run("users", "password", "ada", "--password", "short", code=6)
    assert "no user called nobody" in run(
        "users", "password", "nobody", "--password", "three quiet elephants", code=6
    )


def test_programs_read_tokens_and_new_evaluations(board, run):
    rows = json.loads(run("tokens", "list", "--json"))
    assert {row["user"] for row in rows} == {"ada", "eve", "reference", None}
    assert all(row["valid"] and len(row["prefix"]) == 10 for row in rows)
    number = board.judged("one", 8, 1)
    queued = json.loads(run("rejudge", str(number), "--season", "practice", "--json"))
    assert queued == {
        "evaluation_id": 2,
        "submission_id": number,
        "season": "practice",
        "track": "open",
    }


def whole(config):
    """Every row of every table, and every file that a backup keeps."""
    engine = db.make_engine(config.database)
    with engine.connect() as connection:
        rows = {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    files = {
        path.relative_to(config.data): path.read_bytes()
        for kept in KEPT
        for path in [config.data / kept, *(config.data / kept).rglob("*")]
        if path.is_file()
    }
    return rows, files


@pytest.fixture
def new_database(board):
    """The URL of an empty database beside the board's; None for SQLite, whose lies in the directory."""
    if board.config.database.startswith("sqlite"):
        yield None
        return
    url = make_url(board.config.database)
    other = url.set(database=f"{url.database}_restored")
    engine = db.make_engine(board.config.database)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {other.database}"))
        connection.execute(text(f"CREATE DATABASE {other.database}"))
        yield other.render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {other.database} WITH (FORCE)"))
    engine.dispose()


def test_a_backup_is_restored_row_by_row_and_file_by_file(board, run, new_database, tmp_path):
    number = board.judged("kept", 8, 1)
    out = tmp_path / "backup.tar"
    assert "mbc admin restore" in run("backup", str(out))
    assert oct(out.stat().st_mode)[-3:] == "600"
    expected = whole(board.config)
    board.judged("too late", 9, 2)
    restored = Config.make(tmp_path / "restored", new_database, chains=16, octaves=32, points=8)
    where = ["--data", str(restored.data), "--database", restored.database]
    result = CliRunner().invoke(admin, [*where, "restore", str(out)])
    assert result.exit_code == 0, result.output
    assert whole(restored) == expected
    assert oct(restored.data.stat().st_mode)[-3:] == "700"
    app = create_app(restored)
    client = app.test_client()
    assert [e["name"] for e in client.get("/api/v1/board").json["entries"]] == ["kept"]
    with client.get(f"/api/v1/submissions/{number}/bundle", headers=board.user) as bundle:
        assert bundle.status_code == 200
    app.extensions["leaderboard"].queue.close()
    app.extensions["leaderboard"].readers.kw["bind"].dispose()
    again = CliRunner().invoke(admin, [*where, "restore", str(out)])
    assert again.exit_code == 6
    assert "is not empty" in again.output
    if new_database:
        elsewhere = ["--data", str(tmp_path / "third"), "--database", new_database]
        again = CliRunner().invoke(admin, [*elsewhere, "restore", str(out)])
        assert "The database is not empty" in again.output
        assert not (tmp_path / "third").exists()
    assert "cannot be written" in run("backup", str(tmp_path / "missing" / "x.tar"), code=6)


def test_what_is_no_backup_is_not_restored(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"no archive")
    with tarfile.open(tmp_path / "y.tar", "w") as archive:
        archive.add(tmp_path / "x.tar", "leaderboard.sqlite")
        archive.add(tmp_path / "x.tar", "../elsewhere")
    for name, sentence in (("x.tar", "cannot be restored"), ("y.tar", "is no backup")):
        result = CliRunner().invoke(
            admin, ["--data", str(tmp_path / "data"), "restore", str(tmp_path / name)]
        )
        assert result.exit_code == 6
        assert sentence in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar", "y.tar"]


def test_a_mistyped_directory_makes_no_new_leaderboard(tmp_path):
    result = CliRunner().invoke(admin, ["--data", str(tmp_path / "typo"), "users", "add", "x"])
    assert result.exit_code == 6
    assert "There is no leaderboard" in result.output
    assert not (tmp_path / "typo").exists()


def test_help_has_a_line_for_each_command_and_each_has_an_example():
    assert set(HELP) == {"serve", "admin"}
    for words in (
        ["users", "add"],
        ["tokens", "new"],
        ["seasons", "open"],
        ["users", "list"],
        ["users", "password"],
        ["tokens", "list"],
        ["hide"],
        ["show"],
        ["audit"],
        ["backup"],
        ["restore"],
        ["rejudge"],
        ["disqualify"],
        ["export"],
    ):
        assert "Example:" in CliRunner().invoke(admin, [*words, "--help"]).output


def test_a_queued_entry_is_disqualified(board, run):
    number = board.submit("cheat").json["id"]
    run("disqualify", str(number), "--reason", "Planted.")
    status = board.get(f"/api/v1/submissions/{number}").json
    assert (status["status"], status["sentence"]) == ("cancelled", "Planted.")
    assert board.claim_next() is None


def test_the_result_that_stands_is_disqualified_while_it_is_judged_again(board, run):
    number = board.judged("cheat", 8.0, 1)
    run("rejudge", str(number))
    run("disqualify", str(number), "--reason", "Planted.")
    found = board.get("/api/v1/board").json
    assert found["entries"] == []
    assert [e["status"] for e in found["unranked"]] == ["disqualified"]
    assert board.claim_next() is None


def test_work_is_cancelled_and_taken_from_a_worker(board, run):
    made = board.submit("one").json
    lease, _ = board.claim(made["evaluation_id"])
    run("requeue", str(made["evaluation_id"]))
    said = {"status": "probing"}
    assert board.tell(made["evaluation_id"], "status", lease, json=said).status_code == 409
    rows = json.loads(run("queue", "--json"))
    assert [(row["name"], row["status"], row["queue_position"]) for row in rows] == [("one", "queued", 1)]
    assert "evaluation 1 of submission 1" in run("queue")
    run("cancel", str(made["id"]))
    assert json.loads(run("queue", "--json")) == []
    assert "`rejudge` queues a new one" in run("requeue", "1", code=6)


def test_an_entry_is_renamed_and_deleted(board, run):
    number = board.judged("insult", 8.0, 1)
    assert board.get("/api/v1/board").json["entries"][0]["name"] == "insult"
    run("rename", str(number), "  a  better name ")
    assert board.get("/api/v1/board").json["entries"][0]["name"] == "a better name"
    run("delete", str(number), "--reason", "Asked for.")
    assert board.get("/api/v1/board").json["entries"] == []
    assert not list((board.config.data / "bundles").rglob("*.zip"))
    assert [row["action"] for row in json.loads(run("audit", "--json"))][-3:] == [
        "rename",
        "delete",
        "delete",
    ]


def test_who_is_banned_neither_signs_in_nor_submits(board, run):
    run("users", "ban", "ada", "--reason", "Attacked the judge.")
    assert board.submit("one").status_code == 401
    assert "already" in run("users", "ban", "ada", "--reason", "Again.", code=6)
    run("users", "ban", "ada", "--reason", "A mistake.", "--lift")
    assert board.submit("one").status_code == 201


def test_nobody_else_can_read_what_the_server_keeps(board, run):
    data = board.config.data
    data.chmod(0o755)
    (data / "leaderboard.sqlite").chmod(0o644)
    run("audit")
    assert data.stat().st_mode & 0o77 == 0
    assert (data / "leaderboard.sqlite").stat().st_mode & 0o77 == 0
