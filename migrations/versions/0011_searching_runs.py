"""Runs are found by words, and every filter of their listing is answered from one index."""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BEFORE, LISTING = "ix_runs_created_at_id", "ix_runs_listing"
COLUMNS = [
    "created_at",
    "id",
    "state",
    "workload",
    "scenario",
    "partition",
    "tainted",
    "fingerprint",
    "experiment_id",
    "priority",
    "finished_at",
    "search_text",
]
MOST_BYTES = 1_500
AT_ONCE = 1_000
RUNS = sa.text("SELECT id, workload FROM runs WHERE id > :after ORDER BY id LIMIT :at_once")
LABELS = sa.text("SELECT run_id, key, value FROM run_labels WHERE run_id BETWEEN :first AND :last ORDER BY run_id, key")
STORE = sa.text("UPDATE runs SET search_text = :text WHERE id = :id")


def upgrade() -> None:
    # SQLite can add only a column that it computes when read; an index holds the value there as well.
    stored = True if op.get_bind().dialect.name == "postgresql" else None
    computed = sa.Computed("taints <> '[]'", persisted=stored)
    op.add_column("runs", sa.Column("tainted", sa.Boolean(), computed, nullable=True))
    op.add_column("runs", sa.Column("search_text", sa.Text(), server_default="", nullable=False))
    fill_in(op.get_bind())
    op.create_index(LISTING, "runs", COLUMNS, unique=False)
    op.drop_index(BEFORE, table_name="runs")


def downgrade() -> None:
    op.create_index(BEFORE, "runs", ["created_at", "id"], unique=False)
    op.drop_index(LISTING, table_name="runs")
    op.drop_column("runs", "search_text")
    op.drop_column("runs", "tainted")


def fill_in(connection: sa.Connection) -> None:
    """Give the runs that there are the text that new ones are stored with."""
    after = ""
    while runs := connection.execute(RUNS, {"after": after, "at_once": AT_ONCE}).all():
        labels: defaultdict[str, list[str]] = defaultdict(list)
        for label in connection.execute(LABELS, {"first": runs[0].id, "last": runs[-1].id}):
            labels[label.run_id].append(f"{label.key}={label.value}")
        texts = {run.id: " ".join((run.workload, *labels[run.id])).lower() for run in runs}
        rows = [
            {"id": run_id, "text": text.encode()[:MOST_BYTES].decode(errors="ignore")} for run_id, text in texts.items()
        ]
        connection.execute(STORE, rows)
        after = runs[-1].id
