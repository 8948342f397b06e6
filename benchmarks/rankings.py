"""What a verdict costs on a board of many: stored ranks against ranking everything anew.

python benchmarks/rankings.py [ENTRIES]
"""

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert
from sqlalchemy.orm import Session

from leaderboard import db
from leaderboard.app import make_directories
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.models import Evaluation, ReportRow, SeasonRow, Submission, User
from leaderboard.services import ranking_rebuild, rankings, seasons, standings

CHAINS, OCTAVES = 64, 32
random = np.random.default_rng(5)


def skills() -> np.ndarray:
    edge = random.uniform(3, 14) + random.normal(0, 0.4, (CHAINS, 1))
    return np.clip((edge - np.arange(OCTAVES)) / 3 + 0.5, 0, 1)


def add(session: Session, season: SeasonRow, first: int, count: int) -> None:
    tables = {}
    for number in range(first, first + count):
        tables[number] = skills()
    session.execute(insert(User), [{"id": n, "name": f"u{n}"} for n in tables])
    session.execute(
        insert(Submission),
        [
            {"id": n, "user_id": n, "name": f"s{n}", "author": "a", "description": "", "digest": f"{n:064}",
             "bytes": 1000, "weight_class": "light"}
            for n in tables
        ],
    )  # fmt: skip
    session.execute(
        insert(Evaluation),
        [
            {"id": n, "submission_id": n, "season_id": season.id, "status": "scored", "finished_at": now(),
             "octaves": float(table.mean(axis=0).sum()), "interval_low": 1.0, "interval_high": 2.0}
            for n, table in tables.items()
        ],
    )  # fmt: skip
    session.execute(
        insert(ReportRow),
        [
            {"evaluation_id": n, "digest": "f" * 64, "body": "{}", "skill": table.mean(axis=0).tobytes(),
             "skill_by_chain": table.tobytes()}
            for n, table in tables.items()
        ],
    )  # fmt: skip


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Config.make(Path(folder))
        make_directories(config)
        engine = db.make_engine(config.database)
        db.upgrade(engine)
        sessions = db.make_sessions(engine)
        with sessions.begin() as session:
            season = seasons.open_season(session, config, "season")
            for start in range(1, count + 1, 1000):
                add(session, season, start, min(1000, count + 1 - start))
        began, before = time.perf_counter(), memory()
        with sessions.begin() as session:
            ranking_rebuild.rebuild(session, seasons.current_season(session))
        anew = time.perf_counter() - began
        print(
            f"{count} entries ranked anew: {anew:.2f} s, {memory() - before:.0f} MiB more at most", flush=True
        )
        verdicts, boards = [], []
        for number in range(count + 1, count + 8):
            with sessions.begin() as session:
                add(session, seasons.current_season(session), number, 1)
            began = time.perf_counter()
            with sessions.begin() as session:
                found = session.get_one(Evaluation, number)
                rankings.refresh(session, found.submission, found.season)
            verdicts.append(time.perf_counter() - began)
            began = time.perf_counter()
            with db.make_readers(engine)() as session:
                standings.standing(session, seasons.current_season(session))
            boards.append(time.perf_counter() - began)
        verdict, board = statistics.median(verdicts), statistics.median(boards)
        print(f"a verdict: {verdict:.3f} s, {anew / verdict:.0f} times less")
        print(f"reading the standing after it: {board:.3f} s")
        engine.dispose()


main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
