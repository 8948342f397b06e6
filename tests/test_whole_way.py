"""From `mbc serve` on an empty directory to a judged submission, with every real part, on a small season."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import MBC, Server, children, command, free_port

ROOT = Path(__file__).resolve().parents[1]
CHAINS = 4


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    references = folder / "references"
    references.mkdir()
    (references / "mlp").symlink_to(ROOT / "submissions" / "mlp")
    settings = {"MBC_BOARD_CHAINS": str(CHAINS), "MBC_BOARD_LEASE_SECONDS": "12"}
    server = Server(folder, "--references", references, environment=settings)
    yield server
    # Ctrl-C is answered soon even while something is judged, and nothing stays behind.
    status, _ = server.stop()
    assert status in {0, 130}, server.said()
    left = subprocess.run(["pgrep", "-f", str(server.folder)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


@pytest.mark.timeout(900)
def test_the_whole_way(server):
    # The reference is handed in and judged like anybody's.
    board = server.until("reference on the board", server.entries)
    assert board[0]["name"] == json.loads(server.mbc("board", "--json"))["entries"][0]["name"]
    assert board[0]["reference"]

    # A person starts from it, trains, packs and submits.
    mine = server.folder / "mine"
    server.mbc("new", mine, "--from", "mlp", "--author", "A. Person")
    server.mbc("train", mine, "--seconds", 2)
    server.mbc("pack", mine, "-o", server.folder / "mine.zip")
    promised = json.loads(server.mbc("score", mine, "--chains", CHAINS, "--quick", "--json"))
    submitted = server.submit(server.folder / "mine.zip", "--track", "open")
    assert submitted["status"] == "scored"
    assert submitted["name"] == "mine"

    # On the same season the server measures what the local scorer promised.
    server.mbc("admin", "--data", server.data, "rejudge", submitted["id"], "--season", "practice")

    def practised():
        answer = server.get(f"/api/v1/submissions/{submitted['id']}/report?season=practice")
        return answer.json() if answer.status_code == 200 else None

    report = server.until("report on the practice season", practised)
    assert report["commitment"] == promised["commitment"]
    assert report["octaves"] == pytest.approx(promised["octaves"], abs=1e-6)

    # The practice season is not what the board ranks.
    entries = {e["name"]: e for e in server.entries()}
    assert entries["mine"]["octaves"] == submitted["octaves"]
    assert entries["mine"]["octaves"] != report["octaves"]

    for path in ("/", f"/submissions/{submitted['id']}", "/rules", "/submit"):
        assert server.get(path).status_code == 200, path
    assert "A. Person" in server.get(f"/submissions/{submitted['id']}").text


@pytest.mark.timeout(600)
def test_bad_bundles_are_refused_and_the_board_stays(server):
    server.until("reference on the board", server.entries)
    before = server.entries()
    (server.folder / "noise.zip").write_bytes(b"PK\x03\x04" + os.urandom(200))
    server.mbc("submit", server.folder / "noise.zip", code=3)
    # One that is a valid bundle, and leaves as soon as it is run.
    bad = server.folder / "bad"
    server.mbc("new", bad, "--from", "mlp", "--with-weights")
    (bad / "model.py").write_text("import os\nos._exit(0)\n")
    server.mbc("pack", bad, "--no-check", "-o", server.folder / "bad.zip")
    told = server.submit(server.folder / "bad.zip", "--no-check", code=5)
    assert told["status"] == "failed"
    assert told["reason"] == "exited"
    assert told["fault"] == "submission"
    after = server.entries()
    assert [e["name"] for e in after if e["name"] != "mine"] == [
        e["name"] for e in before if e["name"] != "mine"
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_evaluation_whose_worker_is_killed_is_done_by_the_next(server):
    server.until("reference on the board", server.entries)
    lost = server.folder / "lost"
    server.mbc("new", lost, "--from", "mlp", "--with-weights")
    handed_in = server.submit(lost, "--no-wait")
    path = f"/api/v1/submissions/{handed_in['id']}"
    server.until("fit", lambda: server.get(path).json()["status"] == "refitting")
    commands = {pid: command(pid) for pid in children(server.process.pid)}
    (worker,) = (pid for pid, words in commands.items() if "worker" in words and "--tiles" not in words)
    os.kill(worker, signal.SIGKILL)
    final = server.until("end", lambda: (told := server.get(path).json())["final"] and told)
    assert final["status"] == "scored"
    assert final["attempt"] == 2
    entries = server.entries()
    assert [entry["name"] for entry in entries].count("lost") == 1


def test_a_second_server_on_the_same_data_is_refused(server):
    server.until("server", lambda: server.get("/api/v1/board").status_code == 200)
    done = subprocess.run(
        [*MBC, "serve", "--data", str(server.data), "--port", str(free_port())],
        capture_output=True,
        text=True,
        env=server.environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6
    assert "Another server is using" in done.stderr
