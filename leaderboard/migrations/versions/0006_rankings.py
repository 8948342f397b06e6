"""Stored ranks, decisions about flagged entries, and a version of each season's boards."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here; the server fills in the ranks when it starts."""
    op.add_column("seasons", sa.Column("board_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("evaluations", sa.Column("accepted_at", sa.DateTime(timezone=True)))
    op.create_table(
        "ranked_entries",
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("track", sa.String(length=20), nullable=False),
        sa.Column("machine", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("octaves", sa.Double(), nullable=False),
        sa.Column("octaves_by_chain", sa.LargeBinary(), nullable=False),
        sa.Column("best", sa.Boolean(), nullable=False),
        sa.Column("better", sa.Integer(), nullable=False),
        sa.Column("worse", sa.Integer(), nullable=False),
        sa.Column("better_best", sa.Integer(), nullable=False),
        sa.Column("worse_best", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_ranked_entries_evaluation_id_evaluations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_ranked_entries_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["season_id"], ["seasons.id"], name=op.f("fk_ranked_entries_season_id_seasons")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_ranked_entries_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_ranked_entries")),
    )
    op.create_index("ix_ranked_entries_group", "ranked_entries", ["season_id", "track", "machine", "octaves"])
    for column in ("user_id", "submission_id"):
        op.create_index(f"ix_ranked_entries_{column}", "ranked_entries", [column])


def downgrade() -> None:
    """Take it back; ranks are computed again, and decisions about flagged entries are lost."""
    op.drop_table("ranked_entries")
    op.drop_column("evaluations", "accepted_at")
    op.drop_column("seasons", "board_version")
