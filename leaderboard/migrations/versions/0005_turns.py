"""The queue's order as a column; what the broker was told goes, for it only wakes workers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LONG_AGO = "1970-01-01 00:00:00.000000"


def upgrade() -> None:
    """Bring the schema here."""
    moment = sa.DateTime(timezone=True)
    op.add_column("evaluations", sa.Column("turn_at", moment, server_default=_LONG_AGO, nullable=False))
    op.add_column("evaluations", sa.Column("ready_at", moment))
    op.execute("UPDATE evaluations SET turn_at = queued_at")
    op.drop_index("ix_evaluations_send_at", "evaluations")
    for column in ("sends", "sent_at", "send_at"):
        op.drop_column("evaluations", column)
    _index("status", "turn_at", "id")


def _index(*columns: str) -> None:
    unfinished = sa.text("finished_at IS NULL")
    op.drop_index("ix_evaluations_waiting", "evaluations")
    op.create_index(
        "ix_evaluations_waiting",
        "evaluations",
        list(columns),
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )


def downgrade() -> None:
    """Take it back; whatever waits is sent at once."""
    moment = sa.DateTime(timezone=True)
    op.add_column("evaluations", sa.Column("sends", sa.Integer(), server_default="0", nullable=False))
    op.add_column("evaluations", sa.Column("sent_at", moment))
    op.add_column("evaluations", sa.Column("send_at", moment))
    op.execute("UPDATE evaluations SET send_at = queued_at WHERE finished_at IS NULL")
    _index("status")
    op.create_index("ix_evaluations_send_at", "evaluations", ["send_at"])
    for column in ("ready_at", "turn_at"):
        op.drop_column("evaluations", column)
