"""What many entries cost: a verdict, the board after it, a look at a place in the queue.

python benchmarks/rankings.py [ENTRIES] [--database URL]    as many wait as rank; the database is emptied
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from flask import Flask
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from leaderboard import db
from leaderboard.app import create_app
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.models import Evaluation, ReportRow, SeasonRow, Submission, User
from leaderboard.services import ranking_rebuild, rankings, seasons

CHAINS, OCTAVES = 64, 32
random = np.random.default_rng(5)


def skills() -> np.ndarray:
    edge = random.uniform(3, 14) + random.normal(0, 0.4, (CHAINS, 1))
    return np.clip((edge - np.arange(OCTAVES)) / 3 + 0.5, 0, 1)


def add(session: Session, season: SeasonRow, first: int, count: int) -> None:
    """Scored entries, each of another person."""
    tables = {number: skills() for number in range(first, first + count)}
    hand_in(session, season, tables, status="scored")
    session.execute(
        insert(ReportRow),
        [
            {"evaluation_id": n, "digest": "f" * 64, "body": "{}", "skill": table.mean(axis=0).tobytes(),
             "skill_by_chain": table.tobytes()}
            for n, table in tables.items()
        ],
    )  # fmt: skip


def hand_in(session: Session, season: SeasonRow, tables: dict[int, np.ndarray | None], status: str) -> None:
    session.execute(insert(User), [{"id": n, "name": f"u{n}"} for n in tables])
    session.execute(
        insert(Submission),
        [
            {"id": n, "user_id": n, "name": f"s{n}", "author": "a", "description": "", "digest": f"{n:064}",
             "bytes": 1000 + n, "weight_class": "light"}
            for n in tables
        ],
    )  # fmt: skip
    session.execute(
        insert(Evaluation),
        [
            {"id": n, "submission_id": n, "season_id": season.id, "status": status, "turn_at": now(),
             "finished_at": None if table is None else now(),
             "octaves": None if table is None else float(table.mean(axis=0).sum()),
             "interval_low": 1.0, "interval_high": 2.0}
            for n, table in tables.items()
        ],
    )  # fmt: skip


def seconds(what: Callable[[], object], times: int = 7) -> tuple[float, float]:
    """Median seconds, and of them the processor's."""
    walls, processors = [], []
    for _ in range(times):
        wall, processor = time.perf_counter(), time.process_time()
        what()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(processors)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("entries", type=int, nargs="?", default=10_000)
    options.add_argument("--database")
    asked = options.parse_args()
    count = asked.entries
    with tempfile.TemporaryDirectory() as folder:
        config = Config.make(Path(folder), asked.database)
        if asked.database:
            assert "test" in config.database.rpartition("/")[2], "its name must hold 'test'"
            engine = db.make_engine(config.database)
            with engine.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
            engine.dispose()
        app = create_app(config)
        writers = app.extensions["leaderboard"].writers
        with writers.begin() as session:
            season = seasons.open_season(session, config, "season")
            for start in range(1, count + 1, 1000):
                add(session, season, start, min(1000, count + 1 - start))
        began = time.perf_counter()
        with writers.begin() as session:
            ranking_rebuild.rebuild(session, seasons.current_season(session))
        anew = time.perf_counter() - began
        print(f"{count} entries ranked anew: {anew:.2f} s", flush=True)
        with writers.begin() as session:
            for start in range(100_000, 100_000 + count, 1000):
                waiting = dict.fromkeys(range(start, min(start + 1000, 100_000 + count)))
                hand_in(session, seasons.current_season(session), waiting, status="queued")
        client = app.test_client()

        def get(path: str) -> None:
            answer = client.get(path)
            assert answer.status_code == 200, answer.text

        for path in ("/", "/api/v1/board", "/submissions/1", "/submissions/100001"):
            get(path)
        verdicts, boards = [], []
        for number in range(count + 1, count + 8):
            with writers.begin() as session:
                add(session, seasons.current_season(session), number, 1)

            def judge(number: int = number) -> None:
                with writers.begin() as session:
                    found = session.get_one(Evaluation, number)
                    rankings.refresh(session, found.submission, found.season)

            verdicts.append(seconds(judge, 1)[0])
            boards.append(seconds(lambda: get("/"), 1))
        verdict = statistics.median(verdicts)
        print(f"a verdict: {verdict:.3f} s, {anew / verdict:.0f} times less")
        wall, processor = (statistics.median(column) for column in zip(*boards, strict=True))
        print(f"the board after it: {1e3 * wall:.0f} ms, of them {1e3 * processor:.0f} ms of this processor")
        first, last = 100_000, 100_000 + count - 1
        for name, path in (
            ("the board again", "/"),
            ("its second page", "/?page=2"),
            ("the interface's board", "/api/v1/board"),
            ("a ranked entry's page", f"/submissions/{count // 2}"),
        ):
            wall, processor = seconds(lambda path=path: get(path), 15)
            print(f"{name}: {1e3 * wall:.1f} ms, of them {1e3 * processor:.1f} ms of this processor")
        polls(app, {"scored": count // 2, "queued": last, "on both tracks": first})


def polls(app: Flask, asked: dict[str, int]) -> None:
    """Milliseconds of the server's thread for a status poll, while the queue changes with every 25th."""
    client, parts = app.test_client(), app.extensions["leaderboard"]
    with parts.writers.begin() as session:
        also = {"submission_id": asked["on both tracks"], "track": "samples", "status": "queued"}
        season = seasons.current_season(session)
        session.execute(insert(Evaluation).values(id=300_000, season_id=season.id, **also))
    for name, number in asked.items():
        took = []
        until = time.monotonic() + 3
        while time.monotonic() < until:
            parts.changes.note(number)
            for _ in range(25):
                header = client.get(f"/api/v1/submissions/{number}").headers["Server-Timing"]
                took.append(float(header.rpartition("dur=")[2]))
                time.sleep(0.004)
        print(
            f"a status poll, {name}: {statistics.median(took):.2f} ms of the processor, mean "
            f"{statistics.mean(took):.2f} (it reads the queue now and then), most {max(took):.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
