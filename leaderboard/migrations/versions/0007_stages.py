"""What the stages of an evaluation found, and the certificates of code."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "stages",
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_stages_evaluation_id_evaluations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "stage", name=op.f("pk_stages")),
        sa.CheckConstraint("stage IN ('certificate', 'integrity')", name=op.f("ck_stages_stage")),
        sa.CheckConstraint("digest IS NULL OR length(digest) = 64", name=op.f("ck_stages_digest")),
    )
    op.create_index(op.f("ix_stages_digest"), "stages", ["digest"])


def downgrade() -> None:
    """Take it back; evaluations that are under way begin anew."""
    op.drop_index(op.f("ix_stages_digest"), "stages")
    op.drop_table("stages")
    live = "finished_at IS NULL"
    op.execute(
        f"DELETE FROM reports WHERE evaluation_id IN (SELECT id FROM evaluations WHERE {live})"  # noqa: S608 - a constant
    )
    op.execute(f"UPDATE evaluations SET octaves = NULL WHERE {live}")  # noqa: S608 - a constant
