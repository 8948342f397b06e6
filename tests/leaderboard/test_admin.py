import json

import pytest
from click.testing import CliRunner

from leaderboard.admin import admin
from leaderboard.commands import HELP


@pytest.fixture
def run(board):
    def call(*words, code=0):
        result = CliRunner().invoke(admin, ["--data", str(board.config.data), *words])
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
        ["rejudge"],
        ["disqualify"],
        ["export"],
    ):
        assert "Example:" in CliRunner().invoke(admin, [*words, "--help"]).output
