# ruff: noqa: ANN001, ANN201, ANN202, ANN204, E501 - a script that prints
"""How fast the board answers with 2,000 entries and 20,000 evaluations behind it: `python benchmarks/board.py`.

1. The queries of each page, with few entries and with all: they must be equally many.
2. A real server under 50 requests a second, while `mbc score` judges a submission beside it: the server's own
   time (Server-Timing) and what the client waits.
3. Pictures of the truth that nobody has asked for yet, octaves 0 to 20.
4. Tiles of the truth for the explorer, octaves 0 to 20: drawn for the first time, and looked at again.
"""

import argparse
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
from sqlalchemy import event, insert

from challenge.scoring.metrics import depth, interval
from challenge.scoring.places import PLACES
from leaderboard import db
from leaderboard.app import create_app, make_directories
from leaderboard.config import Config
from leaderboard.models import Evaluation, ReportRow, Submission, User
from leaderboard.services import seasons

SIZES = ((2**16, "feather"), (2**20, "light"), (2**24, "middle"), (2**28, "heavy"))
PAGES = (
    "/",
    "/",
    "/",
    "/?class=feather",
    "/?sort=bytes",
    "/?page=2",
    "/?part=1",
    "/api/v1/board",
    "/api/v1/board?kind=people&per_page=500",
    "/api/v1/submissions",
)
CHAINS, OCTAVES = 64, 32


def fill(folder, entries, evaluations):
    """A data directory with so many entries, judged again and again, in one season."""
    config = Config.make(folder)
    make_directories(config)
    engine = db.make_engine(config.database)
    db.upgrade(engine)
    random = np.random.default_rng(0)
    moment = db.now() - timedelta(days=200)
    with db.make_sessions(engine).begin() as session:
        season, _ = seasons.ensure_seasons(session, config)
        number = season.id
    shore = random.normal(0, 0.45, (CHAINS, 1))
    with engine.begin() as connection:
        people = [
            {"name": f"person {i}", "reference": i == 0, "created_at": moment} for i in range(entries // 4)
        ]
        connection.execute(insert(User), people)
        rows = []
        for i in range(entries):
            size = int(2 ** random.uniform(12, 28))
            rows.append(
                {
                    "user_id": 1 + i % len(people),
                    "name": f"entry {i} <&>",
                    "author": f"author {i % 97}",
                    "description": "x" * 300,
                    "method": "a network of some kind",
                    "digest": f"{i:064x}",
                    "bytes": size,
                    "weight_class": next(name for limit, name in SIZES if size <= limit),
                    "created_at": moment + timedelta(hours=2 * i),
                }
            )
        connection.execute(insert(Submission), rows)
        targets = random.uniform(1, 12, entries)
        for start in range(0, evaluations, 500):
            judged, reports = [], []
            for k in range(start, min(start + 500, evaluations)):
                i = k % entries
                middle = targets[i] - 0.5 + shore + random.normal(0, 0.15, (CHAINS, 1))
                by_chain = np.clip(1 / (1 + np.exp((np.arange(OCTAVES) - middle) / 1.3)), 0, 1)
                low, high = interval(by_chain.sum(axis=1)) if k >= evaluations - entries else (0.0, 0.0)
                skill = by_chain.mean(axis=0)
                judged.append(
                    {
                        "id": k + 1,
                        "submission_id": i + 1,
                        "season_id": number,
                        "status": "scored",
                        "progress": 1.0,
                        "attempts": 1,
                        "queued_at": moment,
                        "finished_at": moment + timedelta(minutes=k),
                        "octaves": float(skill.sum()),
                        "interval_low": low,
                        "interval_high": high,
                        "depth": depth(skill),
                        "precision_db": 20.0,
                        "universality": 0.9,
                        "parameters": 1000,
                        "predictions_per_second": 1e6,
                        "device": "cpu",
                        "flagged": k % 50 == 0,
                    }
                )
                reports.append(
                    {
                        "evaluation_id": k + 1,
                        "digest": f"{k:064x}",
                        "body": "{}",
                        "skill": skill.tobytes(),
                        "skill_by_chain": by_chain.tobytes(),
                    }
                )
            connection.execute(insert(Evaluation), judged)
            connection.execute(insert(ReportRow), reports)
    engine.dispose()
    return config


def queries(config):
    """Statements of each page, once it has been made."""
    app = create_app(config)
    engine = app.extensions["leaderboard"].readers.kw["bind"]
    found, seen = {}, []
    event.listen(engine, "before_cursor_execute", lambda *rest: seen.append(rest[2]))
    client = app.test_client()
    for path in (*dict.fromkeys(PAGES), "/people/1"):
        for _ in range(2):
            seen.clear()
            assert client.get(path).status_code == 200, path
        found[path] = len(seen)
    app.extensions["leaderboard"].queue.close()
    engine.dispose()
    return found


class Server:
    """`mbc serve` on a data directory."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = {"MBC_CONFIG": str(folder / "config.toml"), "MBC_BOARD_TRUTH_PIXELS": "256"}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "challenge.commands.cli",
                "serve",
                "--no-worker",
                "--data",
                folder,
                "--port",
                str(port),
            ],
            stdout=subprocess.DEVNULL,
            env=os.environ | settings,
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/api/v1/limits").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise SystemExit("the server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def timing(answer):
    """The server's own milliseconds of an answer: from beginning to end, and of its processor."""
    return [float(text) for text in re.findall(r"dur=([\d.]+)", answer.headers["Server-Timing"])]


def load(url, rate, seconds):
    """Ask at a fixed rate, whether or not earlier answers are there; milliseconds by the server, by its processor, by the client."""
    found = []
    with (
        httpx.Client(limits=httpx.Limits(max_connections=64), timeout=120) as http,
        ThreadPoolExecutor(64) as pool,
    ):

        def ask(path, due):
            answer = http.get(url + path)
            answer.raise_for_status()
            found.append((*timing(answer), 1e3 * (time.monotonic() - due)))

        start = time.monotonic()
        paths = itertools.cycle(PAGES)
        jobs = []
        for k in range(int(rate * seconds)):
            due = start + k / rate
            time.sleep(max(0.0, due - time.monotonic()))
            jobs.append(pool.submit(ask, next(paths), due))
        for job in jobs:
            job.result()
    return np.array(found)


def evaluations_beside(stop):
    """Judge a submission again and again on this machine, as the embedded evaluator does."""
    submission = Path(__file__).parent.parent / "submissions" / "mlp"
    while not stop.is_set():
        process = subprocess.Popen(
            [sys.executable, "-m", "challenge.commands.cli", "score", submission, "--quick"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            if stop.wait(0.2):
                process.terminate()
        process.wait()


def truth(url):
    """Milliseconds of pictures that are drawn for the first time."""
    times = []
    with httpx.Client(timeout=60) as http:
        http.get(f"{url}/truth/base-window/0.png").raise_for_status()  # the numerics load once
        for place in PLACES:
            for octave in range(1, 21):
                if octave not in place.octaves:
                    continue
                answer = http.get(f"{url}/truth/{place.slug}/{octave}.png")
                answer.raise_for_status()
                times.append(timing(answer))
    return np.array(times)


def tiles(url):
    """Milliseconds of tiles around each place: drawn, and had again."""
    fresh, kept = [], []
    with httpx.Client(timeout=60) as http:
        for octave in range(21):
            for place in PLACES:
                if octave not in place.octaves and octave > 2:
                    continue
                x, y = ((v * 2**octave) // 4 for v in (place.centre[0] + 2.75, 2 - place.centre[1]))
                # The tile that the place lies in and its neighbour: a screen shows a dozen such.
                for column in {int(x), min(int(x) + 1, 2**octave - 1)}:
                    path = f"{url}/api/v1/tiles/truth/{octave}/{column}/{int(y)}"
                    for times in (fresh, kept):
                        answer = http.get(path)
                        answer.raise_for_status()
                        times.append(timing(answer))
    return np.array(fresh), np.array(kept)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=2000)
    options.add_argument("--evaluations", type=int, default=20_000)
    options.add_argument("--rate", type=float, default=50)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--alone", action="store_true", help="without an evaluation beside the server")
    options.add_argument("--json", type=Path)
    asked = options.parse_args()
    results = {"entries": asked.entries, "evaluations": asked.evaluations}
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        few.mkdir()
        many.mkdir()
        fewer = queries(fill(few, 100, 1000))
        begun = time.perf_counter()
        config = fill(many, asked.entries, asked.evaluations)
        print(f"filled in {time.perf_counter() - begun:.0f} s")
        more = queries(config)
        results["queries"] = {"few": fewer, "many": more, "grows": fewer != more}
        print("queries of a page:", more, "the same as with a hundred entries:", fewer == more)

        server = Server(many)
        try:
            begun = time.perf_counter()
            httpx.get(server.url, timeout=300).raise_for_status()
            results["first_seconds"] = time.perf_counter() - begun
            print(f"first page, with ranks from nothing: {results['first_seconds']:.2f} s")
            stop = threading.Event()
            beside = threading.Thread(target=evaluations_beside, args=(stop,))
            if not asked.alone:
                beside.start()
                time.sleep(3)
            times = load(server.url, asked.rate, asked.seconds)
            stop.set()
            if beside.ident:
                beside.join()
            for name, column in (
                ("server", times[:, 0]),
                ("server's processor", times[:, 1]),
                ("client", times[:, 2]),
            ):
                p50, p95, p99 = np.percentile(column, (50, 95, 99))
                results[name] = {"p50": p50, "p95": p95, "p99": p99, "worst": column.max()}
                print(
                    f"{name}: median {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, worst {column.max():.0f} ms"
                )
            drawn = truth(server.url)
            results["truth"] = {"median": float(np.median(drawn)), "p95": float(np.percentile(drawn, 95))}
            print(
                f"truth, octaves to 20: median {np.median(drawn):.1f} ms, p95 {np.percentile(drawn, 95):.0f} ms"
            )
            fresh, kept = tiles(server.url)
            results["tiles"] = {
                "drawn": {
                    "median": float(np.median(fresh[:, 0])),
                    "p95": float(np.percentile(fresh[:, 0], 95)),
                },
                "kept": {"median": float(np.median(kept[:, 0])), "p95": float(np.percentile(kept[:, 0], 95))},
                "count": len(fresh),
            }
            for name, times in (("drawn", fresh), ("kept", kept)):
                p50, p95 = np.percentile(times[:, 0], (50, 95))
                print(
                    f"{len(times)} truth tiles, octaves to 20, {name}: median {p50:.1f} ms, p95 {p95:.0f} ms"
                )
        finally:
            server.stop()
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
