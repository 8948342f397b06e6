"""Ranks of a group in one row, and the class of what waits as a column with an index."""

import struct
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COUNTS = (("all", "better", "worse"), ("best", "better_best", "worse_best"))
_ENTRY = struct.Struct("<qii")


def upgrade() -> None:
    """Bring the schema here; ranks are carried over."""
    op.create_table(
        "rank_tables",
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("track", sa.String(length=20), nullable=False),
        sa.Column("machine", sa.String(length=10), nullable=False),
        sa.Column("entries", sa.String(length=4), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["season_id"], ["seasons.id"], name=op.f("fk_rank_tables_season_id_seasons")),
        sa.PrimaryKeyConstraint("season_id", "track", "machine", "entries", name=op.f("pk_rank_tables")),
    )
    _carry_over()
    for _, *columns in _COUNTS:
        for column in columns:
            op.drop_column("ranked_entries", column)
    op.add_column("evaluations", sa.Column("urgency", sa.SmallInteger(), server_default="0", nullable=False))
    op.execute(
        "UPDATE evaluations SET urgency = CASE WHEN track = 'open' AND octaves IS NULL THEN 0 ELSE 2 END "
        "+ (SELECT CASE WHEN users.reference THEN 1 ELSE 0 END FROM submissions "
        "JOIN users ON users.id = submissions.user_id WHERE submissions.id = evaluations.submission_id) "
        "WHERE finished_at IS NULL"
    )
    _index("ix_evaluations_waiting", "status", "urgency", "turn_at", "id", replace=True)
    _index("ix_evaluations_pending", "season_id", "track", "urgency", "turn_at", "id")
    hidden = sa.text("hidden_at IS NOT NULL")
    op.create_index(
        "ix_submissions_hidden", "submissions", ["id"], sqlite_where=hidden, postgresql_where=hidden
    )


def _carry_over() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT season_id, track, machine, best, evaluation_id, better, worse, better_best, worse_best "
            "FROM ranked_entries ORDER BY evaluation_id"
        )
    )
    tables: defaultdict[tuple[int, str, str, str], bytes] = defaultdict(bytes)
    for season, track, machine, best, number, better, worse, better_best, worse_best in rows:
        tables[season, track, machine, "all"] += _ENTRY.pack(number, better, worse)
        if best:
            tables[season, track, machine, "best"] += _ENTRY.pack(number, better_best, worse_best)
    for (season, track, machine, entries), counts in tables.items():
        connection.execute(
            sa.text("INSERT INTO rank_tables VALUES (:season, :track, :machine, :entries, :counts)"),
            {"season": season, "track": track, "machine": machine, "entries": entries, "counts": counts},
        )


def _index(name: str, *columns: str, replace: bool = False) -> None:
    unfinished = sa.text("finished_at IS NULL")
    if replace:
        op.drop_index(name, "evaluations")
    op.create_index(name, "evaluations", list(columns), sqlite_where=unfinished, postgresql_where=unfinished)


def downgrade() -> None:
    """Take it back; ranks are carried over."""
    op.drop_index("ix_submissions_hidden", "submissions")
    op.drop_index("ix_evaluations_pending", "evaluations")
    _index("ix_evaluations_waiting", "status", "turn_at", "id", replace=True)
    op.drop_column("evaluations", "urgency")
    for _, *columns in _COUNTS:
        for column in columns:
            op.add_column(
                "ranked_entries", sa.Column(column, sa.Integer(), server_default="0", nullable=False)
            )
    connection = op.get_bind()
    for entries, better, worse in _COUNTS:
        for (counts,) in connection.execute(
            sa.text("SELECT counts FROM rank_tables WHERE entries = :entries"), {"entries": entries}
        ).all():
            values = [
                {"number": number, "better": above, "worse": below}
                for number, above, below in _ENTRY.iter_unpack(counts)
            ]
            if values:
                connection.execute(
                    sa.text(
                        f"UPDATE ranked_entries SET {better} = :better, {worse} = :worse "  # noqa: S608 - column names of this file
                        "WHERE evaluation_id = :number"
                    ),
                    values,
                )
    op.drop_table("rank_tables")
