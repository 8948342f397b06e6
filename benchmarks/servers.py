# ruff: noqa: ANN001, ANN201, ANN202, ANN204, E501 - a script that prints
"""Two servers, four workers with stand-ins for the fits, PostgreSQL, Redis and nginx, on the loopback.

    python -m benchmarks.servers queue        100 wait, the queue is wiped: how long is a worker idle?
    python -m benchmarks.servers load         pages, followers and uploads, with a server and Redis killed in the midst

PostgreSQL, Redis and nginx have to be installed. It ends by itself, after three minutes at most.
"""

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx

from tests.support import seed_data
from tests.support.databases import PostgreSQL, Redis
from tests.support.deployment import SETTINGS, Deployment
from tests.support.processes import free_port

ROOT = Path(__file__).parents[1]


class Pair:
    """The servers, what they share, and the workers."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        self.postgresql, self.redis = PostgreSQL(), Redis(folder)
        shared = {
            "MBC_DATABASE": self.postgresql.database(),
            "MBC_BOARD_SESSION_KEY": "k" * 40,
            "MBC_BOARD_RATE_STORAGE": self.redis.url(1),
            "MBC_BOARD_STORAGE": str(folder / "storage"),
            "MBC_BOARD_TRUSTED_PROXIES": "1",
            "MBC_BOARD_SWEEP_SECONDS": "2",
            "MBC_BOARD_STREAMS": "12",
        }
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
        token = self.servers[0].token()
        for number in range(count):
            out = (self.folder / f"stand-in-{number}.log").open("wb")
            command = [
                sys.executable,
                "-m",
                "tests.support.stand_in_worker",
                self.url,
                self.redis.url(),
                str(self.seconds),
            ]
            environment = os.environ | SETTINGS | {"MBC_WORKER_TOKEN": token, "PYTHONPATH": str(ROOT)}
            self.workers.append(
                subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
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


def load(pair, entries):
    pair.work(4)
    stop, waits, late, numbers = threading.Event(), [], [], []

    def look():
        pages = itertools.cycle(("/", "/?entries=all", "/api/v1/board", "/rules", "/api/v1/submissions"))
        with httpx.Client(timeout=30) as client:
            while not stop.wait(0.2):
                began = time.perf_counter()
                with contextlib.suppress(httpx.TransportError):
                    if client.get(pair.url + next(pages)).status_code == 200:
                        waits.append(time.perf_counter() - began)

    def follow(number):
        with httpx.Client(timeout=30) as client:
            while not stop.is_set():
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{pair.url}/api/v1/submissions/{number}").json().get("final"):
                        late.append((number, time.time()))
                        return
                time.sleep(1)

    readers = [threading.Thread(target=look) for _ in range(10)]
    for thread in readers:
        thread.start()
    followers = []
    for number in range(entries):
        numbers.append(pair.upload(number, 200_000))
        followers.append(threading.Thread(target=follow, args=(numbers[-1],)))
        followers[-1].start()
        if number == entries // 3:
            os.kill(pair.servers[0].process.pid, signal.SIGKILL)
            print("a server is killed")
        if number == entries // 2:
            pair.redis.flush()
            pair.servers[0].serve()
            print("Redis is wiped, the server starts again")
    end = time.monotonic() + 100
    while time.monotonic() < end and any(thread.is_alive() for thread in followers):
        time.sleep(0.5)
    stop.set()
    for thread in (*readers, *followers):
        thread.join(60)
    ended = {one: at for told in pair.told() for at, what, one in told if what == "ended"}
    after = sorted(at - ended.get(number, at) for number, at in late)
    print(
        f"pages: {len(waits)}, median {1e3 * statistics.median(waits):.0f} ms, p95 {1e3 * sorted(waits)[int(0.95 * len(waits))]:.0f} ms"
    )
    print(f"followers that saw the verdict: {len(late)} of {entries}; latest {after[-1]:.1f} s after it")
    check(pair, numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["queue", "load"])
    parser.add_argument("--entries", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a stand-in for a fit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        pair = Pair(folder, options.seconds)
        try:
            {"queue": queue, "load": load}[options.part](pair, options.entries)
        finally:
            pair.close()


if __name__ == "__main__":
    main()
