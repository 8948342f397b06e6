"""The first tables: people, tokens, seasons, submissions, evaluations, reports, pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "seasons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("ranked", sa.Boolean(), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.Column("octaves", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("chains > 0 AND octaves > 0 AND points > 1", name=op.f("ck_seasons_size")),
        sa.CheckConstraint("length(commitment) = 64", name=op.f("ck_seasons_commitment")),
        sa.CheckConstraint("length(secret) = 32", name=op.f("ck_seasons_secret")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seasons")),
        sa.UniqueConstraint("commitment", name=op.f("uq_seasons_commitment")),
        sa.UniqueConstraint("name", name=op.f("uq_seasons_name")),
    )
    with op.batch_alter_table("seasons", schema=None) as batch_op:
        batch_op.create_index(
            "uq_seasons_open",
            ["ranked"],
            unique=True,
            sqlite_where=sa.text("ranked AND closed_at IS NULL"),
            postgresql_where=sa.text("ranked AND closed_at IS NULL"),
        )

    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("track", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("license", sa.String(length=200), nullable=False),
        sa.Column("url", sa.String(length=200), nullable=False),
        sa.Column("paper", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("weight_class", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_submissions_bytes")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_submissions_digest")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_submissions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("user_id", "digest", name=op.f("uq_submissions_user_id_digest")),
    )
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submissions_digest"), ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_submissions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'worker') = (user_id IS NULL)", name=op.f("ck_tokens_owner")),
        sa.CheckConstraint("kind IN ('user', 'worker')", name=op.f("ck_tokens_kind")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_tokens_digest")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "evaluations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("fault", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder_id", sa.Integer(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("octaves", sa.Double(), nullable=True),
        sa.Column("interval_low", sa.Double(), nullable=True),
        sa.Column("interval_high", sa.Double(), nullable=True),
        sa.Column("depth", sa.Double(), nullable=True),
        sa.Column("precision_db", sa.Double(), nullable=True),
        sa.Column("universality", sa.Double(), nullable=True),
        sa.Column("parameters", sa.Integer(), nullable=True),
        sa.Column("predictions_per_second", sa.Double(), nullable=True),
        sa.Column("device", sa.String(length=80), nullable=True),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("thumbnail", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = "
            "(status IN ('cancelled', 'disqualified', 'failed', 'rejected', 'scored'))",
            name=op.f("ck_evaluations_finished"),
        ),
        sa.CheckConstraint(
            "(status = 'failed') = (reason IS NOT NULL)", name=op.f("ck_evaluations_failed_has_reason")
        ),
        sa.CheckConstraint(
            "fault IS NULL OR fault IN ('platform', 'submission')", name=op.f("ck_evaluations_fault")
        ),
        sa.CheckConstraint(
            "status IN ('cancelled', 'disqualified', 'failed', 'predicting', 'probing', 'queued', "
            "'refitting', 'rejected', 'rendering', 'scored', 'validating')",
            name=op.f("ck_evaluations_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('scored', 'rejected') OR octaves IS NOT NULL",
            name=op.f("ck_evaluations_scored_has_octaves"),
        ),
        sa.CheckConstraint(
            "(reason IS NULL) = (fault IS NULL)", name=op.f("ck_evaluations_reason_has_fault")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_evaluations_attempts")),
        sa.CheckConstraint("octaves IS NULL OR octaves >= 0", name=op.f("ck_evaluations_octaves")),
        sa.CheckConstraint("progress >= 0 AND progress <= 1", name=op.f("ck_evaluations_progress")),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["tokens.id"], name=op.f("fk_evaluations_holder_id_tokens"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["season_id"], ["seasons.id"], name=op.f("fk_evaluations_season_id_seasons")),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_evaluations_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
    )
    with op.batch_alter_table("evaluations", schema=None) as batch_op:
        batch_op.create_index("ix_evaluations_season_id_status", ["season_id", "status"], unique=False)
        batch_op.create_index("ix_evaluations_send_at", ["send_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_evaluations_submission_id"), ["submission_id"], unique=False)
        batch_op.create_index(
            "uq_evaluations_live",
            ["submission_id", "season_id"],
            unique=True,
            sqlite_where=sa.text(
                "status IN ('predicting', 'probing', 'queued', 'refitting', 'rendering', 'validating')"
            ),
            postgresql_where=sa.text(
                "status IN ('predicting', 'probing', 'queued', 'refitting', 'rendering', 'validating')"
            ),
        )

    op.create_table(
        "submission_texts",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_submission_texts_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission_id", "name", name=op.f("pk_submission_texts")),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_artifacts_bytes")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_artifacts_evaluation_id_evaluations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("evaluation_id", "name", name=op.f("uq_artifacts_evaluation_id_name")),
    )
    op.create_table(
        "reports",
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("skill", sa.LargeBinary(), nullable=False),
        sa.Column("skill_by_chain", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_reports_digest")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name=op.f("fk_reports_evaluation_id_evaluations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_reports")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("reports")
    op.drop_table("artifacts")
    op.drop_table("submission_texts")
    with op.batch_alter_table("evaluations", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_evaluations_live",
            sqlite_where=sa.text(
                "status IN ('predicting', 'probing', 'queued', 'refitting', 'rendering', 'validating')"
            ),
            postgresql_where=sa.text(
                "status IN ('predicting', 'probing', 'queued', 'refitting', 'rendering', 'validating')"
            ),
        )
        batch_op.drop_index(batch_op.f("ix_evaluations_submission_id"))
        batch_op.drop_index("ix_evaluations_send_at")
        batch_op.drop_index("ix_evaluations_season_id_status")

    op.drop_table("evaluations")
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tokens_user_id"))

    op.drop_table("tokens")
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submissions_user_id"))
        batch_op.drop_index(batch_op.f("ix_submissions_digest"))

    op.drop_table("submissions")
    op.drop_table("users")
    with op.batch_alter_table("seasons", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_seasons_open",
            sqlite_where=sa.text("ranked AND closed_at IS NULL"),
            postgresql_where=sa.text("ranked AND closed_at IS NULL"),
        )

    op.drop_table("seasons")
