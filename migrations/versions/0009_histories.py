"""Histories, their points and what came of judging them: regressions with their record, and confirmations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HISTORY_DUE, UNHEARD = sa.text("history_due"), sa.text("heard_at IS NULL")
TABLES = ("regression_entries", "confirmations", "regressions", "history_events", "history_points", "histories")


def upgrade() -> None:
    op.create_table(
        "histories",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("hardware_key", sa.String(length=64), nullable=False),
        sa.Column("hardware", JSON, nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("workload", sa.String(length=128), nullable=False),
        sa.Column("scenario", sa.String(length=32), nullable=True),
        sa.Column("benchmark", JSON, nullable=True),
        sa.Column("imported_metrics", JSON, nullable=True),
        sa.Column("watch", JSON, nullable=True),
        sa.Column("watched_by", sa.String(length=36), nullable=True),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("anew", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("latest_at", UTC_TIME, nullable=False),
        sa.Column("verdict", sa.String(length=24), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("judged", JSON, nullable=True),
        sa.Column("judged_at", UTC_TIME, nullable=True),
        sa.CheckConstraint(
            "verdict IN ('regressed', 'improved', 'unchanged', 'undecided', 'insufficient data')",
            name=op.f("ck_histories_verdict"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_histories")),
        sa.UniqueConstraint("fingerprint", "hardware_key", name="uq_histories_of"),
    )
    op.create_index("ix_histories_latest_at_id", "histories", ["latest_at", "id"])
    op.create_index(
        "ix_histories_pending",
        "histories",
        ["id"],
        sqlite_where=sa.text("pending"),
        postgresql_where=sa.text("pending"),
    )
    op.create_index("ix_histories_workload", "histories", ["workload"])

    op.create_table(
        "history_points",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("history_id", sa.String(length=36), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("environment", JSON, nullable=False),
        sa.Column("changed", JSON, nullable=False),
        sa.Column("taints", JSON, nullable=False),
        sa.Column("left_out", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["history_id"], ["histories.id"], name=op.f("fk_history_points_history_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_history_points_run_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_points")),
        sa.UniqueConstraint("history_id", "origin", "key", name="uq_history_points_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_points_at", "history_points", ["history_id", "at", "id"])
    op.create_index("ix_history_points_number", "history_points", ["history_id", "number"])
    op.create_index("ix_history_points_run_id", "history_points", ["run_id"])

    op.create_table(
        "history_events",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("history_id", sa.String(length=36), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.String(length=16), nullable=False),
        sa.Column("point_id", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=True),
        sa.Column("was_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["history_id"], ["histories.id"], name=op.f("fk_history_events_history_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_events_history_id_id", "history_events", ["history_id", "id"])

    op.create_table(
        "regressions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("history_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("resolution", sa.String(length=24), nullable=True),
        sa.Column("opened_at", UTC_TIME, nullable=False),
        sa.Column("changed_at", UTC_TIME, nullable=False),
        sa.Column("resolved_at", UTC_TIME, nullable=True),
        sa.Column("first_bad_id", sa.BigInteger(), nullable=False),
        sa.Column("last_good_id", sa.BigInteger(), nullable=False),
        sa.Column("over_id", sa.BigInteger(), nullable=True),
        sa.Column("earliest_id", sa.BigInteger(), nullable=False),
        sa.Column("latest_id", sa.BigInteger(), nullable=False),
        sa.Column("metrics", JSON, nullable=False),
        sa.Column("environment", JSON, nullable=False),
        sa.Column("alerted_at", UTC_TIME, nullable=True),
        sa.CheckConstraint("(state = 'resolved') = (resolution IS NOT NULL)", name=op.f("ck_regressions_resolved")),
        sa.CheckConstraint(
            "resolution IN ('recovered', 'withdrawn', 'by_hand')", name=op.f("ck_regressions_resolution")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'resolved', 'false_alarm')", name=op.f("ck_regressions_state")
        ),
        sa.ForeignKeyConstraint(
            ["earliest_id"], ["history_points.id"], name=op.f("fk_regressions_earliest_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["first_bad_id"], ["history_points.id"], name=op.f("fk_regressions_first_bad_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["history_id"], ["histories.id"], name=op.f("fk_regressions_history_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["last_good_id"], ["history_points.id"], name=op.f("fk_regressions_last_good_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["latest_id"], ["history_points.id"], name=op.f("fk_regressions_latest_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["over_id"], ["history_points.id"], name=op.f("fk_regressions_over_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regressions")),
    )
    op.create_index("ix_regressions_history_id", "regressions", ["history_id"])
    op.create_index("ix_regressions_state_id", "regressions", ["state", "id"])

    op.create_table(
        "confirmations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("history_id", sa.String(length=36), nullable=False),
        sa.Column("regression_id", sa.String(length=36), nullable=True),
        sa.Column("first_bad_id", sa.BigInteger(), nullable=False),
        sa.Column("as_of_id", sa.BigInteger(), nullable=False),
        sa.Column("metrics", JSON, nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("ended_at", UTC_TIME, nullable=True),
        sa.Column("baseline", sa.String(length=64), nullable=True),
        sa.Column("runs", JSON, nullable=False),
        sa.Column("findings", JSON, nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'confirmed', 'refuted', 'undecided', 'impossible')",
            name=op.f("ck_confirmations_state"),
        ),
        sa.ForeignKeyConstraint(
            ["as_of_id"], ["history_points.id"], name=op.f("fk_confirmations_as_of_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["first_bad_id"], ["history_points.id"], name=op.f("fk_confirmations_first_bad_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["history_id"], ["histories.id"], name=op.f("fk_confirmations_history_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["regression_id"], ["regressions.id"], name=op.f("fk_confirmations_regression_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
    )
    op.create_index("ix_confirmations_history_id", "confirmations", ["history_id"])
    op.create_index("ix_confirmations_regression_id", "confirmations", ["regression_id"])
    op.create_index(
        "ix_confirmations_running",
        "confirmations",
        ["id"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )

    op.create_table(
        "regression_entries",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("regression_id", sa.String(length=36), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regression_id"], ["regressions.id"], name=op.f("fk_regression_entries_regression_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regression_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_regression_entries_of", "regression_entries", ["regression_id", "id"])

    op.add_column("firings", sa.Column("heard_at", UTC_TIME, nullable=True))
    op.add_column("firings", sa.Column("measured", sa.Integer(), nullable=True))
    op.add_column("firings", sa.Column("silence", sa.Text(), nullable=True))
    op.create_index("ix_firings_unheard", "firings", ["id"], sqlite_where=UNHEARD, postgresql_where=UNHEARD)
    op.add_column("runs", sa.Column("history_due", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.create_index(
        "ix_runs_history_due",
        "runs",
        ["state", "experiment_id", "id"],
        sqlite_where=HISTORY_DUE,
        postgresql_where=HISTORY_DUE,
    )
    # Nobody is to be told now of what measured nothing long ago.
    op.execute("UPDATE firings SET heard_at = fired_at")


def downgrade() -> None:
    op.drop_index("ix_runs_history_due", table_name="runs")
    op.drop_column("runs", "history_due")
    op.drop_index("ix_firings_unheard", table_name="firings")
    for column in ("silence", "measured", "heard_at"):
        op.drop_column("firings", column)
    for table in TABLES:
        op.drop_table(table)
