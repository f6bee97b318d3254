"""Runs know how long their last attempt took, and are listed in that order from an index."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEX = "ix_runs_by_duration"
COLUMNS = [
    "duration_s",
    "id",
    "workload",
    "state",
    "scenario",
    "partition",
    "tainted",
    "fingerprint",
    "experiment_id",
    "created_at",
    "search_text",
]
KNOWN = sa.text("duration_s IS NOT NULL")
AT_ONCE = 5_000
RUNS = sa.table(
    "runs",
    sa.column("id", sa.String()),
    sa.column("started_at", sa.DateTime(timezone=True)),
    sa.column("finished_at", sa.DateTime(timezone=True)),
)
STORE = sa.text("UPDATE runs SET duration_s = :duration_s WHERE id = :id")


def upgrade() -> None:
    op.add_column("runs", sa.Column("duration_s", sa.Double(), nullable=True))
    fill_in(op.get_bind())
    op.create_index(INDEX, "runs", COLUMNS, unique=False, sqlite_where=KNOWN, postgresql_where=KNOWN)


def downgrade() -> None:
    op.drop_index(INDEX, table_name="runs")
    op.drop_column("runs", "duration_s")


def fill_in(connection: sa.Connection) -> None:
    """Give the runs that have ended what new ones are stored with: start to end of the last attempt, seconds.

    A run that is queued again forgets its start, so that one which never began has none.
    """
    ended = sa.select(RUNS).where(RUNS.c.started_at.is_not(None), RUNS.c.finished_at.is_not(None))
    after = ""
    while found := connection.execute(ended.where(RUNS.c.id > after).order_by(RUNS.c.id).limit(AT_ONCE)).all():
        took = [{"id": run.id, "duration_s": (run.finished_at - run.started_at).total_seconds()} for run in found]
        connection.execute(STORE, took)
        after = found[-1].id
