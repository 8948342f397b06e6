"""People: passwords, identities of other sites, quotas, hidden entries, an audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    # No batches: SQLite would make tables anew, and dropping the old ones empties all that points to them.
    op.add_column("users", sa.Column("password", sa.String(length=200), nullable=True))
    op.add_column("users", sa.Column("identity", sa.String(length=80), nullable=True))
    op.add_column("users", sa.Column("session_key", sa.String(length=32), server_default="", nullable=False))
    op.create_index("uq_users_identity", "users", ["identity"], unique=True)
    op.add_column("submissions", sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_evaluations_season_id_finished_at", "evaluations", ["season_id", "finished_at"], unique=False
    )
    op.create_index(
        "ix_evaluations_waiting",
        "evaluations",
        ["status"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )

    op.create_table(
        "hand_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_hand_ins_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_hand_ins_evaluation_id_evaluations"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_ins")),
    )
    op.create_index("ix_hand_ins_user_id_at", "hand_ins", ["user_id", "at"], unique=False)
    op.create_index(op.f("ix_hand_ins_evaluation_id"), "hand_ins", ["evaluation_id"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_table("audit")
    op.drop_table("hand_ins")
    op.drop_index("ix_evaluations_waiting", "evaluations")
    op.drop_index("ix_evaluations_season_id_finished_at", "evaluations")
    op.drop_column("submissions", "hidden_at")
    op.drop_index("uq_users_identity", "users")
    op.drop_column("users", "session_key")
    op.drop_column("users", "identity")
    op.drop_column("users", "password")
