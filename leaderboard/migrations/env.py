"""Runs the migrations on the engine that leaderboard.db hands over."""

from alembic import context

from leaderboard import models  # noqa: F401 - fills the metadata
from leaderboard.db import Base

with context.config.attributes["engine"].begin() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot alter a column in place.
        render_as_batch=True,
        compare_type=True,
    )
    if connection.dialect.name == "postgresql":
        # A migration that waits behind a reader makes everybody else wait behind it.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '20s'")
    with context.begin_transaction():
        context.run_migrations()
