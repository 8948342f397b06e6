"""The database: engine, sessions, migrations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from leaderboard.errors import Refused

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS: Final = 15_000
_ON_COMMIT: Final = "on_commit"
# Any number that nothing else in the database locks.
_MIGRATION_LOCK: Final = 0x6D6263


class Base(DeclarativeBase):
    """Every model's base; constraints have names, so that a migration can find them again."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: stored in UTC, and aware when it comes back, on databases that forget the zone too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Convert to UTC; ValueError for a moment without a time zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def cause(error: SQLAlchemyError) -> str:
    """The database's own word for an error, in one line."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def make_engine(url: str) -> Engine:
    """An engine; SQLite gets a write-ahead log, foreign keys, and patience with other writers."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver must not begin transactions of its own: it would do so too late, and a reader that
        # becomes a writer half-way cannot wait its turn.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode.lower() != "wal":
            raise Refused(
                503,
                "database_log",
                f"SQLite cannot keep its write-ahead log on the file system of {make_url(url).database}.",
                "Put the data directory on a local disk, or use PostgreSQL with --database.",
            )
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions that write: on SQLite each waits for the writer's place before it reads."""
    return sessionmaker(engine.execution_options(sqlite_begin="IMMEDIATE"), expire_on_commit=False)


def make_readers(engine: Engine) -> sessionmaker[Session]:
    """Sessions that only read, and wait for nobody."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session that commits when the block ends, and then runs what `on_commit` was given.

    An exception rolls everything back, and nothing that was given to `on_commit` runs.
    """
    with sessions.begin() as session:
        yield session
    for action in session.info.pop(_ON_COMMIT, ()):
        action()


def on_commit(session: Session, action: Callable[[], object]) -> None:
    """Run `action` after the transaction of this session: messages to others, files that can go."""
    session.info.setdefault(_ON_COMMIT, []).append(action)


def alembic_config(engine: Engine) -> AlembicConfig:
    """Alembic's configuration for an engine; there is no alembic.ini."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Bring the schema up to date; of several servers that start at once, one after the other."""
    if engine.dialect.name != "postgresql":
        command.upgrade(alembic_config(engine), "head")
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        try:
            command.upgrade(alembic_config(engine), "head")
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
