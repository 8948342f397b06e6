"""The remote commands against the real leaderboard application on a real port."""

import json
import os
import socket
import stat
import threading

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from challenge.commands.cli import mbc
from challenge.commands.client import Account, Client
from challenge.util import exit_codes
from challenge.util.http import ServerError
from leaderboard.app import create_app
from leaderboard.config import Config
from leaderboard.services import leases, outcomes, seasons, tokens

MODEL = """from torch import nn


def build(in_features, out_features):
    return nn.Linear(in_features, out_features)
"""
MANIFEST = 'api = 1\nname = "line"\nauthor = "Ada [bold]"\ndescription = "One line."\n'


class Board:
    def __init__(self, folder):
        self.config = Config.make(folder, hand_ins_a_day=1000, hand_ins_waiting=1000)
        app = create_app(self.config)
        self.parts = app.extensions["leaderboard"]
        self.writers = self.parts.writers
        with self.writers.begin() as session:
            seasons.ensure_seasons(session, self.config)
            self.token = tokens.new_token(session, tokens.ensure_user(session, "ada"))
            self.other = tokens.new_token(session, tokens.ensure_user(session, "bob"))
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def worker_says(self, evaluation_id, act):
        with self.writers.begin() as session:
            worker = tokens.find_token(session, tokens.new_token(session, None))
            act(session, leases.claim(session, self.config, evaluation_id, worker).lease)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.parts.queue.close()
        self.writers.kw["bind"].dispose()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    running = Board(tmp_path_factory.mktemp("board"))
    yield running
    running.close()


@pytest.fixture
def call(board, tmp_path, monkeypatch):
    """mbc ARGS as Ada; returns exit code, stdout and stderr."""
    monkeypatch.setenv("MBC_CONFIG", str(tmp_path / "config" / "config.toml"))
    monkeypatch.setenv("MBC_SERVER", board.url)
    monkeypatch.setenv("MBC_TOKEN", board.token)

    def run(*args, **rest):
        answer = CliRunner().invoke(mbc, args, **rest)
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exc_info
        return answer.exit_code, answer.stdout, answer.stderr

    return run


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "submission.toml").write_text(MANIFEST)
    # The board knows a bundle by its content: each test hands in one of its own.
    (folder / "model.py").write_text(f"{MODEL}# {os.urandom(8).hex()}\n")
    tensors = {
        "weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
        "bias": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
    }
    header = json.dumps(tensors).encode()
    (folder / "weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(12))
    return folder


def submitted(call, mine):
    code, out, _ = call("submit", str(mine), "--no-wait", "--json", "--no-check")
    assert code == exit_codes.OK
    return json.loads(out)


def test_login_remembers_a_token_for_its_owner_alone(call, board, tmp_path, monkeypatch):
    monkeypatch.delenv("MBC_SERVER")
    monkeypatch.delenv("MBC_TOKEN")
    code, _, _ = call("login", "--server", board.url + "/", input=f"{board.token}\n")
    assert code == exit_codes.OK
    path = tmp_path / "config" / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code, out, _ = call("whoami")
    assert code == exit_codes.OK
    assert out == f"ada at {board.url}\n"
    # A token belongs to the server it was given for.
    assert Account.find().token == board.token
    assert not Account.find("http://elsewhere.example").token


def test_a_wrong_token_is_not_remembered(call, tmp_path):
    code, _, err = call("login", "--token", "wrong")
    assert code == exit_codes.SERVER
    assert "not valid" in err
    assert not (tmp_path / "config").exists()


def test_without_a_token_the_sentence_says_what_to_do(call, mine, monkeypatch):
    monkeypatch.delenv("MBC_TOKEN")
    code, _, err = call("submit", str(mine), "--no-check")
    assert code == exit_codes.SERVER
    assert "`mbc login` first" in err


def test_no_server_there(call, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        for args in (["board"], ["status", "1"], ["whoami"]):
            code, out, err = call(*args, "--server", address)
            assert code == exit_codes.SERVER
            assert f"no leaderboard at {address}" in err
            assert not out


def test_limits_of_this_machine_need_no_server(call):
    code, out, err = call("limits", "--json", "--server", "http://127.0.0.1:9")
    assert code == exit_codes.OK
    assert set(json.loads(out)) == {"evaluator"}
    assert "Only the limits of this machine: There is no leaderboard" in err


@pytest.mark.parametrize("address", ["board.example", "ftp://board.example", "http://[::1"])
def test_an_address_that_is_none(call, address):
    code, _, err = call("board", "--server", address)
    assert code == exit_codes.SERVER
    assert "no server address" in err


def test_an_invalid_bundle_never_travels(call, mine):
    (mine / "submission.toml").write_text("api = 1\n")
    code, _, err = call("submit", str(mine), "--server", "http://127.0.0.1:9")
    assert code == exit_codes.BUNDLE_INVALID
    assert "name is missing" in err


def test_an_unreadable_configuration_is_said(call, tmp_path, monkeypatch):
    path = tmp_path / "broken.toml"
    path.write_text("server = ")
    monkeypatch.setenv("MBC_CONFIG", str(path))
    code, _, err = call("board")
    assert code == exit_codes.SERVER
    assert "broken.toml cannot be read" in err


def test_submit_status_board_and_cancel(call, mine, board, monkeypatch):
    entry = submitted(call, mine)
    number = str(entry["id"])
    code, out, _ = call("status", number)
    assert code == exit_codes.OK
    assert "queued" in out
    code, out, _ = call("board")
    assert code == exit_codes.OK
    assert "queued: line by Ada [bold]" in out
    assert json.loads(call("board", "--json")[1])["pending"]
    monkeypatch.setenv("MBC_TOKEN", board.other)
    code, _, err = call("cancel", number)
    assert code == exit_codes.SERVER
    assert "Only the person who submitted" in err
    monkeypatch.setenv("MBC_TOKEN", board.token)
    assert call("cancel", number)[0] == exit_codes.OK
    code, out, _ = call("status", number)
    assert code == exit_codes.FAILED
    assert "cancelled" in out


def test_following_ends_with_the_verdict_and_its_sentence(call, mine, board, monkeypatch):
    monkeypatch.setattr("challenge.commands.submissions.POLL_SECONDS", 0.1)
    entry = submitted(call, mine)

    def fail(session, lease):
        outcomes.record_failure(
            session,
            board.config,
            entry["evaluation_id"],
            lease,
            {"reason": "output_shape", "detail": "It was (3,)."},
        )

    later = threading.Timer(0.5, board.worker_says, (entry["evaluation_id"], fail))
    later.start()
    code, out, _ = call("submit", str(mine), "--no-check")
    later.join()
    assert code == exit_codes.FAILED
    assert "wrong shape. It was (3,)." in out
    assert "forward must return (n, out_features)" in out


def test_limits_come_from_the_leaderboard(call):
    code, out, _ = call("limits", "--json")
    assert code == exit_codes.OK
    assert json.loads(out)["weights_bytes"] == 256 << 20
    assert "268,435,456" in call("limits")[1]


def test_what_is_no_leaderboard_is_said_to_be_none():
    import httpx

    for body in ("<html>", "[]", '{"id": 1, "status": "curious"}'):
        transport = httpx.MockTransport(lambda request, body=body: httpx.Response(200, text=body))
        with (
            Client(Account("http://board.example"), transport=transport) as client,
            pytest.raises(ServerError, match="not a leaderboard"),
        ):
            client.submission(1)


def test_a_long_rejection_is_one_line_of_the_table_cut_between_words(capsys):
    from challenge.commands.board_table import print_board

    sentence = "It broke the only rule: " + "something of forty-two words was wrong, " * 9
    values = {"season": {"name": "s"}, "entries": [], "pending": []}
    print_board(
        values | {"unranked": [{"status": "rejected", "name": "n", "author": "a", "sentence": sentence}]}
    )
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "rejected" in line]
    assert len(line) <= 120
    assert line.endswith(" ...")
    assert (sentence + " ").find(line.removesuffix(" ...").split("a. ")[1] + " ") == 0
