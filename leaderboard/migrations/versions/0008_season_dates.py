"""Seasons with dates, whose secret is published after the last verdict; people who are banned."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here; the secrets of closed seasons were public already."""
    for column in ("opens_at", "closes_at", "revealed_at"):
        op.add_column("seasons", sa.Column(column, sa.DateTime(timezone=True)))
    op.add_column("users", sa.Column("banned_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE seasons SET revealed_at = closed_at")
    _index("ranked AND closed_at IS NULL AND opens_at IS NULL")


def _index(condition: str) -> None:
    op.drop_index("uq_seasons_open", "seasons")
    op.create_index(
        "uq_seasons_open",
        "seasons",
        ["ranked"],
        unique=True,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )


def downgrade() -> None:
    """Take it back; what was scheduled has no place there and is closed."""
    op.execute("UPDATE seasons SET closed_at = opened_at WHERE opens_at IS NOT NULL AND closed_at IS NULL")
    _index("ranked AND closed_at IS NULL")
    op.drop_column("users", "banned_at")
    for column in ("revealed_at", "closes_at", "opens_at"):
        op.drop_column("seasons", column)
