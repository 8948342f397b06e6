"""Evaluations whose later stages wait until somebody asks; targets of the samples track as stages."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OLD = "stage IN ('certificate', 'integrity')"
_NEW = "stage IN ('certificate', 'integrity', 'target-1', 'target-2', 'target-3')"


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column(
        "evaluations", sa.Column("deferred", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    _check_stages(_NEW)


def _check_stages(condition: str) -> None:
    name = op.f("ck_stages_stage")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(name, "stages", type_="check")
        op.create_check_constraint(name, "stages", condition)
        return
    # SQLite cannot change a constraint. The table may be made anew, as nothing points to it.
    op.drop_index(op.f("ix_stages_digest"), "stages")
    op.rename_table("stages", "old_stages")
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
        sa.CheckConstraint(condition, name=name),
        sa.CheckConstraint("digest IS NULL OR length(digest) = 64", name=op.f("ck_stages_digest")),
    )
    op.execute("INSERT INTO stages SELECT evaluation_id, stage, digest, body FROM old_stages")
    op.drop_table("old_stages")
    op.create_index(op.f("ix_stages_digest"), "stages", ["digest"])


def downgrade() -> None:
    """Take it back; targets that are learned are learned again, and what is deferred is judged."""
    op.execute("DELETE FROM stages WHERE stage LIKE 'target-%'")
    _check_stages(_OLD)
    op.drop_column("evaluations", "deferred")
