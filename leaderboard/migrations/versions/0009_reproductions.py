"""Trainings that an operator has repeated, and the entries that reached their octaves again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "reproductions",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("octaves", sa.Double(), nullable=False),
        sa.Column("submitted", sa.Double(), nullable=False),
        sa.Column("difference_low", sa.Double(), nullable=False),
        sa.Column("difference_high", sa.Double(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("weights", sa.String(64), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("machine", sa.String(80), nullable=False),
        sa.Column("device", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_reproductions_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["season_id"], ["seasons.id"], name=op.f("fk_reproductions_season_id_seasons")
        ),
        sa.PrimaryKeyConstraint("submission_id", "season_id", name=op.f("pk_reproductions")),
        sa.CheckConstraint("octaves >= 0 AND submitted >= 0", name=op.f("ck_reproductions_octaves")),
    )
    op.add_column("evaluations", sa.Column("reproduced_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Take it back; flagged entries that were reproduced wait for a person's decision again."""
    op.drop_column("evaluations", "reproduced_at")
    op.drop_table("reproductions")
