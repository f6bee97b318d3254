"""Every view of the listing of runs is read from an index in its order."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FINISHED = sa.text("finished_at IS NOT NULL")
FILTERS = [
    "state",
    "scenario",
    "partition",
    "tainted",
    "fingerprint",
    "experiment_id",
    "created_at",
    "search_text",
]
IN_ORDER = {
    "ix_runs_by_workload": ("workload", "id", "finished_at"),
    "ix_runs_by_priority": ("priority", "id", "workload", "finished_at"),
}
OF_ONE = ("workload", "fingerprint", "partition")
LABELS, LABELS_BEFORE = "ix_run_labels_key_value_run_id", "ix_run_labels_key_value"


def upgrade() -> None:
    for column in OF_ONE:
        op.create_index(f"ix_runs_{column}_created_at_id", "runs", [column, "created_at", "id"], unique=False)
        op.drop_index(f"ix_runs_{column}", table_name="runs")
    for name, order in IN_ORDER.items():
        op.create_index(name, "runs", [*order, *FILTERS], unique=False)
    op.create_index(
        "ix_runs_finished",
        "runs",
        ["finished_at", "id", "workload", *FILTERS],
        unique=False,
        sqlite_where=FINISHED,
        postgresql_where=FINISHED,
    )
    op.drop_index("ix_runs_finished_at_id", table_name="runs")
    op.create_index(LABELS, "run_labels", ["key", "value", "run_id"], unique=False)
    op.drop_index(LABELS_BEFORE, table_name="run_labels")


def downgrade() -> None:
    op.create_index(LABELS_BEFORE, "run_labels", ["key", "value"], unique=False)
    op.drop_index(LABELS, table_name="run_labels")
    op.create_index("ix_runs_finished_at_id", "runs", ["finished_at", "id"], unique=False)
    op.drop_index("ix_runs_finished", table_name="runs")
    for name in IN_ORDER:
        op.drop_index(name, table_name="runs")
    for column in OF_ONE:
        op.create_index(f"ix_runs_{column}", "runs", [column], unique=False)
        op.drop_index(f"ix_runs_{column}_created_at_id", table_name="runs")
