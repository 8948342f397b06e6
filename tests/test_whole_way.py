"""From `mbc serve` on an empty directory to a judged submission, with every real part, on a small season."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
MBC = [sys.executable, "-m", "challenge.commands.cli"]
CHAINS = 4
PATIENCE = 240


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`mbc serve` in a directory of its own, and `mbc` as its user runs it."""

    def __init__(self, folder):
        self.folder = folder
        self.address = f"http://127.0.0.1:{free_port()}"
        self.environment = os.environ | {
            "MBC_CONFIG": str(folder / "config.toml"),
            "MBC_BOARD_CHAINS": str(CHAINS),
            "MBC_BOARD_LEASE_SECONDS": "12",
        }
        self.references = folder / "references"
        self.references.mkdir()
        (self.references / "mlp").symlink_to(ROOT / "submissions" / "mlp")
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *MBC, "serve", "--data", str(folder / "var"), "--port", self.address.rpartition(":")[2],
                    "--references", str(self.references),
                ],
                stdout=log,
                stderr=log,
                env=self.environment,
            )  # fmt: skip

    def mbc(self, *arguments, code=0):
        done = subprocess.run(
            [*MBC, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=PATIENCE,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, path):
        return httpx.get(f"{self.address}{path}", timeout=30)

    def until(self, what, answered):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if found := answered():
                    return found
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        pytest.fail(f"no {what} within {PATIENCE} s\n{self.log.read_text()}")
        return None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("serve"))
    yield server
    server.process.send_signal(signal.SIGINT)
    try:
        # Ctrl-C is answered soon even while something is judged, and nothing stays behind.
        assert server.process.wait(30) in {0, 130}, server.log.read_text()
    finally:
        server.process.kill()
    left = subprocess.run(["pgrep", "-f", str(server.folder)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


@pytest.mark.timeout(900)
def test_the_whole_way(server):
    # The reference is handed in and judged like anybody's.
    board = server.until("reference on the board", lambda: server.get("/api/v1/board").json()["entries"])
    assert board[0]["name"] == json.loads(server.mbc("board", "--json"))["entries"][0]["name"]
    assert board[0]["reference"]

    # A person starts from it, trains, packs and submits.
    mine = server.folder / "mine"
    server.mbc("new", mine, "--from", "mlp", "--author", "A. Person")
    server.mbc("train", mine, "--seconds", 4)
    server.mbc("pack", mine, "-o", server.folder / "mine.zip")
    promised = json.loads(server.mbc("score", mine, "--chains", CHAINS, "--quick", "--json"))
    submitted = json.loads(server.mbc("submit", server.folder / "mine.zip", "--track", "open", "--json"))
    assert submitted["status"] == "scored"
    assert submitted["name"] == "mine"

    # On the same season the server measures what the local scorer promised.
    server.mbc("admin", "--data", server.folder / "var", "rejudge", submitted["id"], "--season", "practice")

    def practised():
        answer = server.get(f"/api/v1/submissions/{submitted['id']}/report?season=practice")
        return answer.json() if answer.status_code == 200 else None

    report = server.until("report on the practice season", practised)
    assert report["commitment"] == promised["commitment"]
    assert report["octaves"] == pytest.approx(promised["octaves"], abs=1e-6)

    # The practice season is not what the board ranks.
    entries = {e["name"]: e for e in server.get("/api/v1/board").json()["entries"]}
    assert entries["mine"]["octaves"] == submitted["octaves"]
    assert entries["mine"]["octaves"] != report["octaves"]

    for path in ("/", f"/submissions/{submitted['id']}", "/rules", "/submit"):
        assert server.get(path).status_code == 200, path
    assert "A. Person" in server.get(f"/submissions/{submitted['id']}").text


@pytest.mark.timeout(600)
def test_bad_bundles_are_refused_and_the_board_stays(server):
    server.until("reference on the board", lambda: server.get("/api/v1/board").json()["entries"])
    before = server.get("/api/v1/board").json()["entries"]
    (server.folder / "noise.zip").write_bytes(b"PK\x03\x04" + os.urandom(200))
    server.mbc("submit", server.folder / "noise.zip", code=3)
    # One that is a valid bundle, and leaves as soon as it is run.
    bad = server.folder / "bad"
    server.mbc("new", bad, "--from", "mlp", "--with-weights")
    (bad / "model.py").write_text("import os\nos._exit(0)\n")
    server.mbc("pack", bad, "-o", server.folder / "bad.zip")
    told = json.loads(server.mbc("submit", server.folder / "bad.zip", "--json", code=5))
    assert told["status"] == "failed"
    assert told["reason"] == "exited"
    assert told["fault"] == "submission"
    after = server.get("/api/v1/board").json()["entries"]
    assert [e["name"] for e in after if e["name"] != "mine"] == [
        e["name"] for e in before if e["name"] != "mine"
    ]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_evaluation_whose_worker_is_killed_is_done_by_the_next(server):
    server.until("reference on the board", lambda: server.get("/api/v1/board").json()["entries"])
    lost = server.folder / "lost"
    server.mbc("new", lost, "--from", "mlp", "--with-weights")
    handed_in = json.loads(server.mbc("submit", lost, "--no-wait", "--json"))
    path = f"/api/v1/submissions/{handed_in['id']}"
    server.until("fit", lambda: server.get(path).json()["status"] == "refitting")
    workers = (child for child in children(server.process.pid) if "worker" in child[1])
    (worker,) = (pid for pid, command in workers if "--tiles" not in command)
    os.kill(worker, signal.SIGKILL)
    final = server.until("end", lambda: (told := server.get(path).json())["final"] and told)
    assert final["status"] == "scored"
    assert final["attempt"] == 2
    entries = server.get("/api/v1/board").json()["entries"]
    assert [entry["name"] for entry in entries].count("lost") == 1


def children(process):
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process)], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 1) for line in listed.stdout.splitlines())
    return [(int(pid), command) for pid, command in rows]


def test_a_port_in_use_is_one_clear_sentence(server):
    server.until("server", lambda: server.get("/api/v1/board").status_code == 200)
    port = server.address.rpartition(":")[2]
    done = subprocess.run(
        [*MBC, "serve", "--data", str(server.folder / "other"), "--port", port],
        capture_output=True,
        text=True,
        env=server.environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_server_on_the_same_data_is_refused(server):
    server.until("server", lambda: server.get("/api/v1/board").status_code == 200)
    done = subprocess.run(
        [*MBC, "serve", "--data", str(server.folder / "var"), "--port", str(free_port())],
        capture_output=True,
        text=True,
        env=server.environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6
    assert "Another server is using" in done.stderr
