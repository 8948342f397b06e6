"""The samples track: what a season gives there, and evaluations on either track."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LIVE = "status IN ('predicting', 'probing', 'queued', 'refitting', 'rendering', 'validating')"


def upgrade() -> None:
    """Bring the schema here."""
    # No batches: SQLite would make tables anew, and dropping the old ones empties all that points to them.
    # Both databases know a check beside a new column, which Alembic has no word for.
    double = sa.Double().compile(dialect=op.get_bind().dialect)
    _add("seasons", "samples", "INTEGER DEFAULT '1048576' NOT NULL", "samples > 1")
    for machine, seconds in (("cpu", "120.0"), ("gpu", "60.0")):
        _add(
            "seasons",
            f"{machine}_seconds",
            f"{double} DEFAULT '{seconds}' NOT NULL",
            f"{machine}_seconds > 0",
        )
    _add("evaluations", "track", "VARCHAR(20) DEFAULT 'open' NOT NULL", "track IN ('open', 'samples')")
    _add("evaluations", "machine", "VARCHAR(10)", "machine IN ('cpu', 'gpu')")
    op.drop_index("uq_evaluations_live", "evaluations")
    _index("submission_id", "season_id", "track")
    # Nothing ever read it: a submission is judged on whichever tracks its owner wishes.
    op.drop_column("submissions", "track")


def _add(table: str, column: str, kind: str, check: str) -> None:
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} {kind} CONSTRAINT ck_{table}_{column} CHECK ({check})"
    )


def _index(*columns: str) -> None:
    live = sa.text(_LIVE)
    op.create_index(
        "uq_evaluations_live",
        "evaluations",
        list(columns),
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def downgrade() -> None:
    """Take it back; what was judged on the samples track is lost, for there was no place for it."""
    op.add_column(
        "submissions", sa.Column("track", sa.String(length=20), server_default="open", nullable=False)
    )
    op.execute("DELETE FROM evaluations WHERE track = 'samples'")
    op.drop_index("uq_evaluations_live", "evaluations")
    _index("submission_id", "season_id")
    for table, column in (
        ("evaluations", "machine"),
        ("evaluations", "track"),
        ("seasons", "gpu_seconds"),
        ("seasons", "cpu_seconds"),
        ("seasons", "samples"),
    ):
        op.drop_column(table, column)
