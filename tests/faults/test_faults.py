"""Whoever is killed or gone, and when: nothing is lost, nothing is on the board twice, everything ends."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import httpx
import pytest

from tests.support.fault_injection import loop, table
from tests.support.processes import free_port

FAULTS = int(os.environ.get("MBC_FAULTS", "200"))
GONE_SECONDS = float(os.environ.get("MBC_GONE_SECONDS", "60"))
LOCKED_SECONDS = 20.0


def right(count):
    told = "\n".join(table(count))
    assert len(count.figures) == 1, told
    assert set(count.finals) == {"scored"}, told
    assert (count.twice, count.lost, count.left) == (0, 0, []), told


def test_a_reaper_and_a_server_are_killed_while_something_is_judged(deploy):
    board = deploy()
    count = loop(board, 2, seed=1, kinds=("reaper", "server"))
    right(count)
    assert count.outcomes["reaper", "judged again"] == 1
    said = board.said()
    assert "reaper was killed from outside" in said
    assert "is started again" in said or "SIGKILL" in said or said.count("Press Ctrl-C") > 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_hundred_kills(deploy):
    board = deploy(workers=2)
    count = loop(board, FAULTS, seed=2026, say=print)
    print("\n".join(table(count)))
    right(count)
    assert sum(count.outcomes.values()) == FAULTS


def begun(board, number):
    """Wait until it is being judged."""
    board.until("judge", lambda: (board.status(number) or {"status": "queued"})["status"] != "queued")


def all_the_same(board, numbers, *, attempts=None):
    """All are scored, alike, and stand on the board once."""
    ended = board.ended(numbers)
    assert {one["status"] for one in ended} == {"scored"}, board.said()
    assert len({board.figures(number) for number in numbers}) == 1
    assert sorted(board.board()) == sorted(numbers)
    if attempts is not None:
        assert [one["attempt"] for one in ended] == attempts, board.said()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_server_is_gone_while_a_worker_judges(deploy):
    board = deploy()
    numbers = [board.submit()]
    board.ended(numbers)
    numbers.append(board.submit())
    begun(board, numbers[1])
    os.kill(board.process.pid, signal.SIGKILL)
    time.sleep(GONE_SECONDS)
    # The same worker goes on with the same attempt, though its lease had run out ten times over.
    all_the_same(board, numbers, attempts=[1, 1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_database_is_locked_for_longer_than_anybody_waits(deploy):
    board = deploy()
    numbers = [board.submit()]
    board.ended(numbers)
    numbers.append(board.submit())
    begun(board, numbers[1])
    with contextlib.closing(sqlite3.connect(board.data / "leaderboard.sqlite", timeout=60)) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        # Who only looks waits for nobody.
        assert board.status(numbers[0])["status"] == "scored"
        answer = httpx.post(
            f"{board.url}/api/v1/submissions/{numbers[1]}/cancel", headers=me(board), timeout=60
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
        assert answer.headers["Retry-After"] == "5"
        time.sleep(max(0.0, LOCKED_SECONDS - (time.monotonic() - began)))
        other.execute("ROLLBACK")
    all_the_same(board, numbers)
    assert "database is locked" in board.said(1 << 24)


def me(board):
    return {"Authorization": f"Bearer {(board.data / 'tokens' / 'local').read_text().strip()}"}


@pytest.fixture
def small_disk(tmp_path):
    """A data directory with a disk of its own of 24 MiB."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can make a disk that is small")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_disk_is_full_for_a_while(small_disk, deploy):
    board = deploy(data=small_disk / "data")
    numbers = [board.submit()]
    board.ended(numbers)
    numbers.append(board.submit())
    begun(board, numbers[1])
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 12)):
            continue
    files = {"bundle": ("one.zip", bytes(200_000), "application/zip")}
    answer = httpx.post(f"{board.url}/api/v1/submissions", files=files, headers=me(board), timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert httpx.get(board.url, timeout=60).is_success
    time.sleep(10)
    ballast.unlink()
    numbers.append(board.submit())
    all_the_same(board, numbers)
    assert "disk" in board.said(1 << 24)


@pytest.fixture
def redis(tmp_path):
    """(url, start, stop) of a Redis that keeps nothing when it stops."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server")
    port, running = free_port(), []

    def start():
        options = ["--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
        running.append(subprocess.Popen([program, *options], stdout=subprocess.DEVNULL))

    def stop():
        process = running.pop()
        process.kill()
        process.wait()

    start()
    yield f"redis://127.0.0.1:{port}/0", start, stop
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_redis_is_gone_for_a_while_and_has_forgotten_everything(deploy, redis):
    url, start, stop = redis
    board = deploy(broker=url)
    numbers = [board.submit()]
    board.ended(numbers)
    numbers.append(board.submit())
    begun(board, numbers[1])
    stop()
    # Nobody who hands in notices.
    numbers.append(board.submit())
    time.sleep(GONE_SECONDS)
    start()
    numbers.append(board.submit())
    all_the_same(board, numbers)
    assert "could not be sent" in board.said(1 << 24)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_embedded_queue_is_locked_and_then_lost(deploy):
    board = deploy()
    numbers = [board.submit()]
    board.ended(numbers)
    queue = board.data / "queue.sqlite"
    with contextlib.closing(sqlite3.connect(queue, timeout=60)) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        numbers.append(board.submit())
        time.sleep(GONE_SECONDS)
        other.execute("ROLLBACK")
        # Whatever waited in it is lost as well.
        other.execute("DELETE FROM kombu_message")
    numbers.append(board.submit())
    all_the_same(board, numbers)
