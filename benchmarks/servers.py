# ruff: noqa: ANN001, ANN201, ANN202, ANN204, E501 - a script that prints
"""Two servers, four workers with stand-ins for the fits, PostgreSQL, Redis and nginx, on the loopback.

    python -m benchmarks.servers queue        100 wait, the queue is wiped: how long is a worker idle?
    python -m benchmarks.servers load         50 pages a second, 200 followers and 100 uploads of 8 MiB in a minute, while
                                              workers, Redis and a server are killed; prints the rows of a table

PostgreSQL, Redis and nginx have to be installed. It ends by itself, after some minutes at most.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from sqlalchemy import create_engine, text

from leaderboard.config import with_driver
from tests.support import seed_data
from tests.support.databases import PostgreSQL, Redis
from tests.support.deployment import SETTINGS, Deployment
from tests.support.processes import family, free_port

ROOT = Path(__file__).parents[1]


class Pair:
    """The servers, what they share, and the workers."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        self.postgresql, self.redis = PostgreSQL(), Redis(folder)
        shared = {
            "MBC_DATABASE": (database := self.postgresql.database()),
            "MBC_BOARD_SESSION_KEY": "k" * 40,
            "MBC_BOARD_RATE_STORAGE": self.redis.url(1),
            "MBC_BOARD_STORAGE": str(folder / "storage"),
            "MBC_BOARD_TRUSTED_PROXIES": "1",
            "MBC_BOARD_SWEEP_SECONDS": "2",
            "MBC_BOARD_STREAMS": "12",
        }
        self.database = database
        self.servers = [
            Deployment(folder / name, workers=0, broker=self.redis.url(), **shared)
            for name in ("one", "other")
        ]
        self.url = self._proxy()
        self.workers = []

    def _proxy(self):
        port, place = free_port(), self.folder / "nginx"
        place.mkdir()
        servers = (ROOT / "deploy/nginx/servers.conf").read_text()
        for number, server in enumerate(self.servers, 1):
            servers = servers.replace(f"server-{number}:8000", f"127.0.0.1:{server.port}")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        (place / "nginx.conf").write_text(
            f"daemon off; pid {place}/pid; error_log {place}/error.log; events {{}} http {{ access_log off;"
            + "".join(f"{kind}_temp_path {place}/{kind};" for kind in kinds)
            + f"client_max_body_size 300m; {servers} server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://board;"
            "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host; proxy_buffering off;"
            "proxy_next_upstream error timeout non_idempotent; } } }"
        )
        self.nginx = subprocess.Popen(
            [shutil.which("nginx"), "-c", place / "nginx.conf", "-e", place / "error.log"]
        )
        return f"http://127.0.0.1:{port}"

    def work(self, count):
        self.workers = [None] * count
        for number in range(count):
            self.start_worker(number)

    def start_worker(self, number):
        command = [
            sys.executable,
            "-m",
            "tests.support.stand_in_worker",
            self.url,
            self.redis.url(),
            str(self.seconds),
        ]
        token = {"MBC_WORKER_TOKEN": self.servers[0].token(), "PYTHONPATH": str(ROOT)}
        with (self.folder / f"stand-in-{number}.log").open("ab") as out:
            self.workers[number] = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | SETTINGS | token
            )

    def told(self):
        """[(time, what, evaluation)] of each worker."""
        found = []
        for number in range(len(self.workers)):
            lines = (self.folder / f"stand-in-{number}.log").read_text(errors="replace").splitlines()
            told = [line.split() for line in lines if " began " in line or " ended " in line]
            found.append([(float(at), what, int(one)) for at, what, one in (t for t in told if len(t) == 3)])
        return found

    def local(self):
        token = (self.servers[0].data / "tokens" / "local").read_text().strip()
        return {"Authorization": f"Bearer {token}"}

    def upload(self, number, size=0):
        extra = {"noise.py": b"# " + os.urandom(size // 2).hex().encode()} if size else {}
        content = seed_data.bundle_bytes(f"entry {number}", values=1 + number, extra=extra)
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.post(
                    f"{self.url}/api/v1/submissions", files={"bundle": ("b.zip", content)}, data={"track": "open"},
                    headers=self.local(), timeout=60,
                )  # fmt: skip
                if answer.is_success:
                    return answer.json()["id"]
            time.sleep(0.2)
        raise AssertionError(f"upload {number} was never taken")

    def close(self):
        for process in (*self.workers, self.nginx):
            process.terminate()
        for server in self.servers:
            server.close()
        for process in (*self.workers, self.nginx):
            process.wait(30)
        self.redis.close()
        self.postgresql.close()


def check(pair, numbers):
    """Each judged once: what is lost, and what is twice."""
    statuses = Counter()
    for number in numbers:
        statuses[httpx.get(f"{pair.url}/api/v1/submissions/{number}", timeout=60).json()["status"]] += 1
    ended = Counter(one for told in pair.told() for _, what, one in told if what == "ended")
    board = pair.servers[1].board()
    print(
        f"{len(numbers)} handed in: {dict(statuses)}; on the board {len(board)}, {len(set(board))} of them different"
    )
    print(
        f"reported {sum(ended.values())} times; more than once: {sum(count > 1 for count in ended.values())}"
    )


def queue(pair, entries):
    numbers = [pair.upload(number) for number in range(entries)]
    pair.work(4)
    while sum(len(told) for told in pair.told()) < 16:
        time.sleep(0.1)
    pair.redis.flush()
    print(f"the queue is wiped while {entries - 8} wait")
    end = time.monotonic() + 150
    while (
        time.monotonic() < end
        and sum(what == "ended" for told in pair.told() for _, what, _ in told) < entries
    ):
        time.sleep(0.2)
    idle = []
    for told in pair.told():
        gaps = [b[0] - a[0] for a, b in itertools.pairwise(told) if (a[1], b[1]) == ("ended", "began")]
        idle.append(max(gaps, default=0.0))
    print(
        f"longest idle time of each worker while something waits: {', '.join(f'{one:.2f}' for one in idle)} s"
    )
    check(pair, numbers)


# Seconds after the start, and what is killed then (SIGKILL); each starts again after PAUSE seconds.
KILLED = ((12, "a worker"), (22, "Redis"), (34, "a server"), (46, "another worker"))
PAUSE = 3


def kill(pair, what):
    if "worker" in what:
        number = int("another" in what)
        pair.workers[number].kill()
        return lambda: pair.start_worker(number)
    if what == "Redis":
        pair.redis.close()
        return pair.redis.start
    os.kill(pair.servers[0].process.pid, signal.SIGKILL)
    return pair.servers[0].serve


def load(pair, entries, rate=50, followers=200):
    pair.upload(0)
    pair.work(4)
    # Workers take seconds to start, and more on a busy machine.
    until = time.monotonic() + 180
    while not any(what == "ended" for told in pair.told() for _, what, _ in told):
        assert time.monotonic() < until, "no worker judges"
        time.sleep(0.1)
    token = (pair.servers[0].data / "tokens" / "local").read_text().strip()
    out = pair.folder / "visitors.json"
    settings = {"host": "127.0.0.1", "port": int(pair.url.rpartition(":")[2]), "token": token, "seconds": 60,
                "rate": rate, "followers": followers, "uploads": entries, "size": 8 * 2**20, "out": str(out)}  # fmt: skip
    visitors = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load_client"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        visitors.stdin.write(json.dumps(settings) + "\n")
        visitors.stdin.flush()
        assert visitors.stdout.readline() == "ready\n"
        spent, began = Spent(pair), time.monotonic()
        for at, what in KILLED:
            time.sleep(max(0.0, began + at - time.monotonic()))
            again = kill(pair, what)
            time.sleep(PAUSE)
            again()
            spent.look()
        while visitors.poll() is None:
            spent.look()
            time.sleep(0.5)
            if time.monotonic() - began > 300:
                visitors.kill()
    finally:
        visitors.kill()
    if not out.exists():
        raise SystemExit(
            "The visitors did not come to their end in five minutes: this machine has too much to do."
        )
    show(pair, json.loads(out.read_text()), spent, time.monotonic() - began)


class Spent:
    """Processor seconds of everything but the visitors, by what it is; processes that were killed too."""

    def __init__(self, pair):
        self._pair, self._last = pair, {}
        self._first = self._now()
        self.look()

    def _now(self):
        pair = self._pair
        roots = {
            "servers": [server.process.pid for server in pair.servers],
            "workers' stand-ins": [worker.pid for worker in pair.workers],
            "nginx": [pair.nginx.pid],
            "Redis": [pair.redis.pid],
            "PostgreSQL": [pair.postgresql.pid],
        }
        return {
            (name, pid, when): ticks(pid)
            for name, pids in roots.items()
            for root in pids
            for pid, when in family(root).items()
        }

    def look(self):
        self._last |= self._now()

    def seconds(self):
        found = Counter()
        for key, count in self._last.items():
            found[key[0]] += (count - self._first.get(key, 0)) / os.sysconf("SC_CLK_TCK")
        return found


def ticks(pid):
    """Of the processor, used by a process; with those of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def show(pair, told, spent, wall):
    engine = create_engine(with_driver(pair.database))
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT submission_id, status, extract(epoch FROM finished_at) FROM evaluations")
        ).all()
        reports = connection.scalar(text("SELECT count(*) FROM reports"))
    engine.dispose()
    ended = {number: float(at) for number, status, at in rows if status == "scored"}
    waits = sorted(1e3 * one for one in told["pages"])
    late = sorted(at - ended[number] for number, at in told["seen"] if number in ended)
    uploads = sorted(told["upload_seconds"])
    entries = set(told["entries"])
    board = pair.servers[1].board()
    lines = [
        ("pages, asked / without an answer", f"{len(waits)} / {len(told['failed'])}"),
        ("pages, median / p95 / p99 / most ms", " / ".join(f"{at(waits, q):.0f}" for q in (0.5, 0.95, 0.99, 1))),
        ("uploads of 8 MiB, taken / sent again", f"{len(uploads)} / {told['retried']}"),
        ("uploads, median / most s", f"{at(uploads, 0.5):.2f} / {at(uploads, 1):.2f}"),
        ("entries / with a verdict", f"{len(entries)} / {len(entries & set(ended))}"),
        ("lost", len(entries - set(ended))),
        ("evaluations of one entry, most", max(Counter(row[0] for row in rows).values())),
        ("reports / on the board / different", f"{reports} / {len(board)} / {len(set(board))}"),
        ("verdicts seen by followers", len(late)),
        ("seen after the verdict, median / p95 / most s", " / ".join(f"{at(late, q):.2f}" for q in (0.5, 0.95, 1))),
        ("seen later than 3 s", sum(one > 3 for one in late)),
        ("streams at once, most / polls", f"{told['most_streams']} / {told['polls']}"),
        ("cores of the visitors", f"{told['processor'] / told['seconds']:.2f}"),
        *((f"cores of {name}", f"{used / wall:.2f}") for name, used in spent.seconds().items()),
        ("wall seconds", f"{wall:.0f}"),
    ]  # fmt: skip
    for name, value in lines:
        print(f"| {name} | {value} |")
    if told["failed"]:
        print("without an answer:", dict(Counter(f"{path} {why}" for path, why in told["failed"])))


def at(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["queue", "load"])
    parser.add_argument("--entries", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a stand-in for a fit")
    parser.add_argument("--rate", type=float, default=50, help="of pages a second")
    parser.add_argument("--followers", type=int, default=200)
    options = parser.parse_args()
    # What it started is ended as well when it is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        pair = Pair(folder, options.seconds)
        try:
            if options.part == "queue":
                queue(pair, options.entries)
            else:
                load(pair, options.entries, options.rate, options.followers)
        finally:
            pair.close()


if __name__ == "__main__":
    main()
