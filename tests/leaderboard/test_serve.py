"""The real thing: `mbc serve` in a process of its own, spoken to over HTTP."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import httpx
import pytest

from challenge.util.queue import embedded_broker
from leaderboard.config import Config
from leaderboard.serve import bootstrap
from tests.support import seed_data
from tests.support.processes import MBC, Server, free_port


@pytest.fixture
def serving(tmp_path):
    started = []

    def start(*options, **more):
        server = Server(tmp_path, *options, **more)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def references(tmp_path):
    import io
    import zipfile

    folder = tmp_path / "references"
    for index, name in enumerate(("alpha", "beta")):
        with zipfile.ZipFile(io.BytesIO(seed_data.bundle_bytes(name, values=4 + index))) as archive:
            archive.extractall(folder / name)
    (folder / "broken").mkdir()
    (folder / "broken" / "submission.toml").write_text("api = 1")
    (folder / "broken" / "weights.safetensors").write_bytes(b"")
    return folder


def follow(url, heard, seconds=60):
    """Append the statuses of an event stream as they arrive, to the final one."""
    with httpx.stream("GET", url, timeout=seconds) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: {") and line != "data: {}":
                status = json.loads(line[6:])
                heard.append(status["status"])
                if status["final"]:
                    break


def test_from_an_empty_directory_to_a_board(serving, references):
    server = serving("--no-worker", "--references", str(references))
    server.wait_for("Press Ctrl-C")
    said = server.said()
    assert f"The board is at {server.url}" in said
    assert "Submitted 2 reference submissions: alpha, beta." in said
    assert "broken could not be submitted" in said
    assert oct((server.data / "tokens" / "worker").stat().st_mode)[-3:] == "600"

    # `mbc submit` works at once.
    client_config = server.config.read_text()
    assert server.url in client_config
    seen = httpx.get(f"{server.url}/api/v1/board").json()
    assert [entry["name"] for entry in seen["pending"]] == ["alpha", "beta"]

    # A worker's whole way, followed live.
    worker = server.headers("worker")
    claim = httpx.post(f"{server.url}/api/v1/worker/evaluations/1/claim", headers=worker).json()
    assert claim["season"]["size"]["chains"] == 16
    lease = worker | {"X-MBC-Lease": claim["lease"]}
    heard = []
    follower = threading.Thread(
        target=follow, args=(f"{server.url}/api/v1/submissions/1/events", heard), daemon=True
    )
    follower.start()

    def wait_for_event(status):
        """Each event leaves the server when it happens, not when the stream ends."""
        server.until(f"event {status}", lambda: status in heard)

    wait_for_event("validating")
    path = f"{server.url}/api/v1/worker/evaluations/1"
    httpx.post(
        f"{path}/status", headers=lease, json={"status": "refitting", "progress": 0.5}
    ).raise_for_status()
    wait_for_event("refitting")
    from challenge.scoring.season import Season

    season = Season(claim["season"]["name"], bytes.fromhex(claim["season"]["secret"]))
    report = seed_data.report(season, seed_data.skills(8.0, 0, chains=16))
    httpx.post(f"{path}/report", headers=lease, json=report).raise_for_status()
    follower.join(60)
    assert heard == ["validating", "refitting", "scored"]
    assert httpx.get(f"{server.url}/api/v1/board").json()["entries"][0]["reference"] is True
    assert "alpha" in httpx.get(server.url).text

    # Nothing is handed in twice, and what was open goes on.
    status, seconds = server.stop()
    # Not after the half minute that a stream may go on for.
    assert (status, seconds < 20) == (0, True)
    again = serving("--no-worker", "--references", str(references), port=server.port)
    again.wait_for("Press Ctrl-C")
    assert "here already: alpha (scored), beta (queued)." in again.said()
    assert "speaks to this server" in again.said()
    assert again.config.read_text() == client_config

    # Ctrl-C ends it quickly while somebody listens.
    heard = []

    def listen():
        with contextlib.suppress(httpx.HTTPError):
            follow(f"{again.url}/api/v1/submissions/2/events", heard)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    again.until("event", lambda: heard)
    status, seconds = again.stop()
    assert status == 0
    assert seconds < 20
    listener.join(5)
    with pytest.raises(httpx.ConnectError):
        httpx.get(again.url)


def answers(url):
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def test_streams_are_bounded_and_a_killed_parent_takes_its_children_along(serving, references):
    server = serving(
        "--no-worker",
        "--references",
        str(references),
        environment={"MBC_BOARD_STREAMS": "1", "MBC_BOARD_SIGN_SECONDS": "0.2"},
    )
    server.wait_for("Press Ctrl-C")
    url = f"{server.url}/api/v1/submissions/1/events"
    with httpx.stream("GET", url, timeout=10) as first:
        # A generator that nobody holds closes the connection, and gives its place back.
        lines = first.iter_lines()
        next(lines)
        second = httpx.get(url)
        assert (second.status_code, second.json()["code"]) == (503, "streams_full")
        # The board itself answers all the same.
        assert httpx.get(server.url).is_success
    end = time.monotonic() + 30
    while True:
        with httpx.stream("GET", url, timeout=10) as third:
            if third.status_code == 200:
                break
        assert time.monotonic() < end
        time.sleep(0.1)

    server.process.kill()
    server.process.wait()
    end = time.monotonic() + 60
    while answers(server.url):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.server
def test_a_port_in_use_is_one_sentence_and_exit_code_6(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Server(tmp_path, "--no-worker", port=taken.getsockname()[1])
        assert server.process.wait(20) == 6
    assert server.said().splitlines() == [
        (
            f"error: Port {server.port} on 127.0.0.1 cannot be used: Address already in use. "
            "Try another one with --port."
        )
    ]
    assert not server.data.exists()


@pytest.mark.server
def test_an_unwritable_data_directory_is_one_sentence_and_exit_code_6(tmp_path):
    (tmp_path / "file").write_text("")
    result = subprocess.run(
        [
            *MBC,
            "serve",
            "--data",
            str(tmp_path / "file" / "data"),
            "--port",
            str(free_port()),
            "--no-worker",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"MBC_CONFIG": str(tmp_path / "c.toml")},
        check=False,
    )
    assert result.returncode == 6
    assert len(result.stderr.splitlines()) == 1
    assert "cannot be written" in result.stderr


@pytest.mark.server
def test_a_database_that_is_not_there_is_one_sentence(tmp_path):
    result = subprocess.run(
        [
            *MBC,
            "serve",
            "--data",
            str(tmp_path / "d"),
            "--port",
            str(free_port()),
            "--no-worker",
            "--database",
            "sqlite:////proc/none/x.sqlite",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"MBC_CONFIG": str(tmp_path / "c.toml")},
        check=False,
    )
    assert result.returncode == 6
    assert result.stderr.startswith("error: The database cannot be used")
    assert len(result.stderr.splitlines()) == 1


class TestTheClientsConfiguration:
    @pytest.fixture
    def config(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MBC_CONFIG", str(tmp_path / "client" / "config.toml"))
        return Config.make(tmp_path / "data")

    def test_it_is_written_once_for_its_owner_alone(self, config, tmp_path):
        path = tmp_path / "client" / "config.toml"
        bootstrapped = bootstrap.bootstrap_server(config)
        assert "now speaks" in bootstrap.configure_client("http://127.0.0.1:8000", bootstrapped, config)
        assert bootstrapped.local_token in path.read_text()
        assert oct(path.stat().st_mode)[-3:] == "600"
        before = path.read_text()
        assert "speaks to this server" in bootstrap.configure_client(
            "http://127.0.0.1:8000", bootstrap.bootstrap_server(config), config
        )
        assert path.read_text() == before

    def test_another_servers_token_is_left_alone(self, config, tmp_path):
        path = tmp_path / "client" / "config.toml"
        path.parent.mkdir()
        path.write_text('server = "https://far.example"\ntoken = "precious"\n')
        sentence = bootstrap.configure_client(
            "http://127.0.0.1:8000", bootstrap.bootstrap_server(config), config
        )
        assert "far.example" in sentence
        assert "MBC_SERVER=http://127.0.0.1:8000" in sentence
        assert "precious" in path.read_text()

    def test_a_token_that_this_server_no_longer_knows_is_renewed(self, config, tmp_path):
        path = tmp_path / "client" / "config.toml"
        path.parent.mkdir()
        path.write_text('server = "http://127.0.0.1:8000"\ntoken = "from an older directory"\n')
        bootstrapped = bootstrap.bootstrap_server(config)
        bootstrap.configure_client("http://127.0.0.1:8000", bootstrapped, config)
        assert bootstrapped.local_token in path.read_text()

    def test_tokens_stay_the_same_from_start_to_start(self, config):
        first, second = bootstrap.bootstrap_server(config), bootstrap.bootstrap_server(config)
        assert (first.worker_token, first.local_token) == (second.worker_token, second.local_token)
        assert (first.season, first.season_is_new, second.season_is_new) == (second.season, True, False)
        assert config.broker == embedded_broker(config.data)
