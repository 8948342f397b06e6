"""Machines that are stopped, canaries, the speed that a result came from, and an index of the latest."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_LATEST = "ix_evaluations_track_finished_at"


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("evaluations", sa.Column("speed", sa.Double()))
    op.create_index(_LATEST, "evaluations", ["track", "finished_at"])
    op.add_column("machines", sa.Column("stopped_at", sa.DateTime(timezone=True)))
    op.add_column("machines", sa.Column("stopped_because", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "canaries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(64), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("octaves", sa.Double()),
        sa.ForeignKeyConstraint(
            ["machine_id"],
            ["machines.id"],
            name=op.f("fk_canaries_machine_id_machines"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_canaries_evaluation_id_evaluations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canaries")),
    )
    op.create_index(op.f("ix_canaries_evaluation_id"), "canaries", ["evaluation_id"])
    op.create_index("ix_canaries_machine_id_given_at", "canaries", ["machine_id", "given_at"])


def downgrade() -> None:
    """Take it back; machines that are stopped get work again."""
    op.drop_table("canaries")
    op.drop_column("machines", "stopped_because")
    op.drop_column("machines", "stopped_at")
    op.drop_index(_LATEST, "evaluations")
    op.drop_column("evaluations", "speed")
