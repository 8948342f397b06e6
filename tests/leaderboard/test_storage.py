import errno
import io
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from leaderboard import db
from leaderboard.app import create_app
from leaderboard.config import Config, with_driver
from leaderboard.errors import Refused
from leaderboard.files import write_file
from leaderboard.models import Base, Submission
from leaderboard.serve.bootstrap import check_file_system
from leaderboard.services.rank_counts import RankCounts
from tests.support import seed_data


@contextmanager
def no_file_larger_than(size):
    """The kernel refuses to write past `size`, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_clear_sentence_and_the_database_is_as_it_was(board, monkeypatch):
    board.submit("before")
    content = seed_data.bundle_bytes(
        "large", values=200_000, extra={"noise.py": bytes(range(32, 127)) * 3000}
    )

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    answer = board.post_bundle(content)
    assert (answer.status_code, answer.json["code"]) == (507, "disk_full")
    assert "No space left on device" in answer.json["detail"]
    monkeypatch.undo()
    assert not list((board.config.data).rglob("*.part*"))
    with board.writing() as session:
        assert session.query(Submission).count() == 1
    assert board.post_bundle(content).status_code == 201


def test_an_upload_that_the_disk_cannot_hold(board):
    content = seed_data.bundle_bytes("noise", values=1, extra={"frames/a.png": os.urandom(900_000)})
    boundary, body = encode_multipart({"bundle": FileStorage(io.BytesIO(content), "x.zip")})
    kind = f"multipart/form-data; boundary={boundary}"
    with no_file_larger_than(300_000):
        answer = board.client.post("/api/v1/submissions", data=body, content_type=kind, headers=board.user)
    assert (answer.status_code, answer.json["code"]) == (507, "disk_full")
    assert board.get("/api/v1/board").json["pending"] == []
    assert not list((board.config.data / "bundles").rglob("*.zip"))


def test_a_directory_that_cannot_be_written(board):
    # Also for root, whom permissions do not stop.
    (board.config.data / "bundles").write_text("in the way")
    answer = board.submit()
    assert answer.status_code == 507
    assert "cannot store" in answer.json["detail"]
    assert board.get("/api/v1/board").json["pending"] == []


def test_a_data_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be written"):
        create_app(Config.make(tmp_path / "file" / "data"))


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file"
    write_file(path, b"old")
    with no_file_larger_than(1000), pytest.raises(Refused):
        write_file(path, b"new" * 10_000)
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


@pytest.fixture
def engine(tmp_path):
    engine = db.make_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    yield engine
    engine.dispose()


def test_migrations_run_up_on_an_empty_database_and_again(engine):
    db.upgrade(engine)
    db.upgrade(engine)
    assert {"users", "tokens", "seasons", "submissions", "evaluations", "reports", "artifacts"} <= set(
        inspect(engine).get_table_names()
    )


def test_models_and_migrations_agree(engine):
    db.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    # Alembic does not compare checks: the names at least must be the same ones.
    inspector = inspect(engine)
    for table in Base.metadata.sorted_tables:
        made = {check["name"] for check in inspector.get_check_constraints(table.name)}
        meant = {str(c.name) for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        assert made == meant, table.name


def test_migrations_run_down(engine):
    from alembic import command

    db.upgrade(engine)
    command.downgrade(db.alembic_config(engine), "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}


def test_people_and_entries_live_through_the_migrations(tmp_path, empty_url):
    """On whichever database the environment names; SQLite, where it names none."""
    from alembic import command

    url = empty_url
    engine = db.make_engine(with_driver(url) if url else f"sqlite:///{tmp_path / 'old.sqlite'}")
    try:
        command.upgrade(db.alembic_config(engine), "0001")
        moment = "2026-01-02 03:04:05+00:00" if url else "2026-01-02 03:04:05"
        with engine.begin() as connection:
            for table, values in (
                ("users", {"id": 1, "name": "ada", "reference": False, "created_at": moment}),
                (
                    "tokens",
                    {"id": 1, "kind": "user", "user_id": 1, "label": "", "prefix": "mbc_12",
                     "digest": "d" * 64, "created_at": moment},
                ),
                (
                    "submissions",
                    {"id": 1, "user_id": 1, "track": "open", "name": "n", "author": "a", "description": "",
                     "method": "", "license": "", "url": "", "paper": "", "digest": "e" * 64, "bytes": 1,
                     "weight_class": "light", "created_at": moment},
                ),
            ):  # fmt: skip
                names = ", ".join(values)
                places = ", ".join(f":{name}" for name in values)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
        counts = []
        for move in (db.upgrade, lambda e: command.downgrade(db.alembic_config(e), "0001"), db.upgrade):
            move(engine)
            with engine.connect() as connection:
                counts.append(
                    [
                        connection.execute(text(f"SELECT count(*) FROM {t}")).scalar()
                        for t in ("users", "tokens", "submissions")
                    ]
                )
        assert counts == [[1, 1, 1]] * 3
    finally:
        engine.dispose()


def test_results_live_through_the_migration_that_brings_the_samples_track(tmp_path, empty_url):
    """On whichever database the environment names; SQLite, where it names none."""
    from alembic import command

    url = empty_url
    engine = db.make_engine(with_driver(url) if url else f"sqlite:///{tmp_path / 'old.sqlite'}")
    moment = "2026-01-02 03:04:05+00:00" if url else "2026-01-02 03:04:05"
    rows = {
        "users": {"id": 1, "name": "ada", "reference": False, "created_at": moment, "session_key": ""},
        "seasons": {"id": 1, "name": "s", "secret": bytes(32), "commitment": "0" * 64, "ranked": True,
                    "chains": 4, "octaves": 32, "points": 8, "opened_at": moment},
        "submissions": {"id": 1, "user_id": 1, "track": "open", "name": "n", "author": "a", "description": "",
                        "method": "", "license": "", "url": "", "paper": "", "digest": "e" * 64, "bytes": 1,
                        "weight_class": "light", "created_at": moment},
        "evaluations": {"id": 1, "submission_id": 1, "season_id": 1, "status": "scored", "progress": 1.0,
                        "message": "", "detail": "", "attempts": 1, "sends": 1, "queued_at": moment,
                        "finished_at": moment, "octaves": 7.25, "flagged": False},
        "reports": {"evaluation_id": 1, "digest": "f" * 64, "body": "{}", "skill": b"",
                    "skill_by_chain": b""},
    }  # fmt: skip

    def ask(question):
        with engine.begin() as connection:
            return connection.execute(text(question)).all()

    try:
        command.upgrade(db.alembic_config(engine), "0002")
        with engine.begin() as connection:
            for table, values in rows.items():
                names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
        db.upgrade(engine)
        assert ask("SELECT track, machine, octaves FROM evaluations") == [("open", None, 7.25)]
        assert ask("SELECT samples, cpu_seconds, gpu_seconds FROM seasons") == [(1 << 20, 120.0, 60.0)]
        live = (
            "INSERT INTO evaluations (id, submission_id, season_id, track, status, progress, message, "
            "detail, attempts, queued_at, flagged) "
            "SELECT :id, 1, 1, :track, 'queued', 0, '', '', 0, queued_at, flagged "
            "FROM evaluations WHERE id = 1"
        )
        for number, track in ((2, "open"), (3, "samples")):
            with engine.begin() as connection:
                connection.execute(text(live), {"id": number, "track": track})
            with pytest.raises(IntegrityError), engine.begin() as connection:
                connection.execute(text(live), {"id": 9, "track": track})
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text("UPDATE evaluations SET track = 'race' WHERE id = 1"))
        command.downgrade(db.alembic_config(engine), "0002")
        assert ask("SELECT id, octaves FROM evaluations ORDER BY id") == [(1, 7.25), (2, None)]
        assert ask("SELECT track FROM submissions") == [("open",)]
        assert ask("SELECT count(*) FROM reports") == [(1,)]
        db.upgrade(engine)
        assert ask("SELECT count(*) FROM evaluations") == [(2,)]
    finally:
        engine.dispose()


def test_ranks_and_the_queue_live_through_the_migration_to_tables_of_ranks(tmp_path, empty_url):
    from alembic import command

    url = empty_url
    engine = db.make_engine(with_driver(url) if url else f"sqlite:///{tmp_path / 'old.sqlite'}")
    moment = "2026-01-02 03:04:05+00:00" if url else "2026-01-02 03:04:05"
    person = {"created_at": moment, "session_key": ""}
    entry = {"author": "a", "description": "", "method": "", "license": "", "url": "", "paper": "",
             "bytes": 1, "weight_class": "light", "created_at": moment}  # fmt: skip
    judged = {"season_id": 1, "track": "open", "progress": 0.0, "message": "", "detail": "", "attempts": 0,
              "queued_at": moment, "flagged": False}  # fmt: skip
    ranked = {"season_id": 1, "track": "open", "machine": "", "octaves_by_chain": b""}
    columns = ("better", "worse", "better_best", "worse_best")
    ranks = {1: (0, 1, 0, 0), 2: (1, 0, 0, 0), 3: (0, 0, 0, 0)}
    rows = [
        ("users", {"id": 1, "name": "ada", "reference": False} | person),
        ("users", {"id": 2, "name": "reference", "reference": True} | person),
        ("seasons", {"id": 1, "name": "s", "secret": bytes(32), "commitment": "0" * 64, "ranked": True,
                     "chains": 4, "octaves": 32, "points": 8, "opened_at": moment}),
        *(("submissions", {"id": n, "user_id": 1 + (n > 3), "name": "n", "digest": f"{n:064}"} | entry)
          for n in (1, 2, 3, 4)),
        *(("evaluations", judged | {"id": n, "submission_id": n, "status": "scored", "finished_at": moment,
                                    "octaves": 9.0 - n}) for n in (1, 2, 3)),
        ("evaluations", judged | {"id": 4, "submission_id": 4, "status": "queued", "octaves": None}),
        ("evaluations", judged | {"id": 5, "submission_id": 3, "status": "queued", "octaves": 3.0}),
        *(("ranked_entries", ranked | {"evaluation_id": n, "submission_id": n, "user_id": 1, "octaves": 9 - n,
                                       "best": n != 2} | dict(zip(columns, ranks[n], strict=True)))
          for n in (1, 2, 3)),
    ]  # fmt: skip

    def ask(question):
        with engine.begin() as connection:
            return connection.execute(text(question)).all()

    try:
        command.upgrade(db.alembic_config(engine), "0009")
        with engine.begin() as connection:
            for table, values in rows:
                names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
        db.upgrade(engine)
        found = {row.entries: RankCounts.from_bytes(row.counts) for row in ask("SELECT * FROM rank_tables")}
        assert [found["all"].range_of(n) for n in (1, 2, 3)] == [(1, 2), (2, 3), (1, 3)]
        assert [found["best"].range_of(n) for n in (1, 2, 3)] == [(1, 2), None, (1, 2)]
        assert ask("SELECT id, urgency FROM evaluations WHERE id > 3 ORDER BY id") == [(4, 1), (5, 2)]
        command.downgrade(db.alembic_config(engine), "0009")
        kept = ask(f"SELECT evaluation_id, {', '.join(columns)} FROM ranked_entries")
        assert {row[0]: tuple(row[1:]) for row in kept} == ranks
    finally:
        engine.dispose()


def test_sqlite_is_set_up_for_many(engine):
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() >= 5000


@pytest.mark.parametrize(
    ("kind", "fine"), [("ext4", True), ("nfs4", False), ("cifs", False), ("fuse.sshfs", False)]
)
def test_sqlite_is_refused_on_a_file_system_over_a_network(tmp_path, kind, fine):
    config = Config.make(tmp_path)
    mounts = f"none / overlay rw 0 0\nhost:/x {tmp_path.parent} {kind} rw 0 0\nproc /proc proc rw 0 0\n"
    if fine:
        check_file_system(config, mounts)
        return
    with pytest.raises(Refused, match="write-ahead log"):
        check_file_system(config, mounts)
    check_file_system(Config.make(tmp_path, "postgresql://h/d"), mounts)


def test_servers_that_start_at_once_migrate_one_after_the_other(empty_url):
    if empty_url is None:
        pytest.skip("needs PostgreSQL: MBC_TEST_DATABASE")
    engines = [db.make_engine(with_driver(empty_url)) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(db.upgrade, engines))
    assert "ranked_entries" in inspect(engines[0]).get_table_names()
    for engine in engines:
        engine.dispose()


def test_moments_come_back_with_their_zone(board):
    board.submit()
    with board.writing() as session:
        assert session.get(Submission, 1).created_at.tzinfo is not None


def test_a_postgresql_url_gets_the_driver_that_is_there():
    assert with_driver("postgresql://u@h/d") == "postgresql+psycopg://u@h/d"
    assert with_driver("postgresql+asyncpg://u@h/d") == "postgresql+asyncpg://u@h/d"


def test_settings_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MBC_BOARD_LEASE_SECONDS", "7.5")
    monkeypatch.setenv("MBC_BOARD_CHAINS", "4")
    config = Config.make(tmp_path)
    assert (config.lease_seconds, config.chains) == (7.5, 4)
    assert Config.from_json(config.to_json()) == config
