"""Watched series: kinds of metrics, gaps with their reasons, summaries, outlines of chunks, and what was thinned."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True)
TO_THIN = sa.text("thinned_at IS NULL")


def upgrade() -> None:
    _widen_series()
    _widen_chunks()
    _create_gaps()
    _create_summaries()
    op.add_column("results", sa.Column("method", sa.Text(), nullable=True))
    op.add_column("results", sa.Column("update_period_ms", sa.Double(), nullable=True))
    op.add_column("runs", sa.Column("thinned_at", UTC_TIME, nullable=True))
    op.create_index("ix_runs_to_thin", "runs", ["finished_at"], sqlite_where=TO_THIN, postgresql_where=TO_THIN)


def _widen_series() -> None:
    # The defaults stay: taking them away would make SQLite drop the table, and its chunks with it.
    for column in (
        sa.Column("kind", sa.String(length=16), nullable=False, server_default="gauge"),
        sa.Column("period_ms", sa.Double(), nullable=True),
        sa.Column("lookback_ms", sa.Double(), nullable=False, server_default="0"),
        sa.Column("absent_state", sa.String(length=16), nullable=True),
        sa.Column("settled", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("thinned_from", sa.BigInteger(), nullable=True),
        sa.Column("thinned_at", UTC_TIME, nullable=True),
    ):
        op.add_column("series", column)
    op.execute("UPDATE series SET kind = 'duration' WHERE source = 'timer'")


def _widen_chunks() -> None:
    outline = sa.Column("outline", sa.LargeBinary(), nullable=True)
    if op.get_bind().dialect.name == "sqlite":
        # SQLite reads a row from its beginning: behind the data, an outline would cost as much to read as they do.
        with op.batch_alter_table("series_chunks", recreate="always") as chunks:
            chunks.add_column(outline, insert_before="data")
    else:
        op.add_column("series_chunks", outline)
        # They are compressed already.
        op.execute("ALTER TABLE series_chunks ALTER COLUMN data SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE series_chunks ALTER COLUMN outline SET STORAGE EXTERNAL")
    op.create_index(
        "ix_series_chunks_series_id_last_ns_count", "series_chunks", ["series_id", "last_ns", "count"], unique=False
    )


def _create_gaps() -> None:
    op.create_table(
        "series_gaps",
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_series_gaps_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", "start_ns", name=op.f("pk_series_gaps")),
    )


def _create_summaries() -> None:
    figures = ("covered", "mean", "minimum", "maximum", "p50", "p90", "p95", "p99", "total", "share")
    op.create_table(
        "series_summaries",
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in figures),
        sa.Column("total_unit", sa.String(length=32), nullable=True),
        sa.Column("events", sa.BigInteger(), nullable=True),
        sa.Column("absent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_series_summaries_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", name=op.f("pk_series_summaries")),
    )


def downgrade() -> None:
    op.drop_index("ix_runs_to_thin", table_name="runs")
    op.drop_column("runs", "thinned_at")
    op.drop_column("results", "update_period_ms")
    op.drop_column("results", "method")
    op.drop_table("series_summaries")
    op.drop_table("series_gaps")
    op.drop_index("ix_series_chunks_series_id_last_ns_count", table_name="series_chunks")
    op.drop_column("series_chunks", "outline")
    for column in ("thinned_at", "thinned_from", "settled", "absent_state", "lookback_ms", "period_ms", "kind"):
        op.drop_column("series", column)
