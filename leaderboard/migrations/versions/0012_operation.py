"""What operators need: ids in logs, classes of machines, administrators, tokens that expire, settings."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("evaluations", sa.Column("trace", sa.String(32), server_default="", nullable=False))
    op.add_column("seasons", sa.Column("judged_on", sa.String(10), server_default="", nullable=False))
    op.add_column(
        "users", sa.Column("administrator", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("tokens", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.create_table(
        "settings",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )


def downgrade() -> None:
    """Take it back; what expires is revoked, and the queue goes on."""
    op.drop_table("settings")
    op.execute(
        "UPDATE tokens SET revoked_at = expires_at WHERE expires_at IS NOT NULL AND revoked_at IS NULL"
    )
    op.drop_column("tokens", "expires_at")
    op.drop_column("users", "administrator")
    op.drop_column("seasons", "judged_on")
    op.drop_column("evaluations", "trace")
