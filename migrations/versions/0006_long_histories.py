"""What keeps listings and passes quick beside a long history: a run knows its experiment, the queue has its order."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

QUEUE, EXPERIMENT = "ix_runs_queue", "ix_runs_experiment"
OF_EXPERIMENT = sa.text("experiment_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("experiment_id", sa.String(length=36), nullable=True))
    op.execute(
        "UPDATE runs SET experiment_id = (SELECT experiment_id FROM groups WHERE groups.id = runs.group_id)"
        " WHERE group_id IS NOT NULL"
    )
    op.create_index(
        EXPERIMENT,
        "runs",
        ["experiment_id", "created_at", "id"],
        unique=False,
        sqlite_where=OF_EXPERIMENT,
        postgresql_where=OF_EXPERIMENT,
    )
    op.drop_index(QUEUE, table_name="runs")
    op.create_index(QUEUE, "runs", ["state", sa.text("priority DESC"), "created_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index(QUEUE, table_name="runs")
    op.create_index(QUEUE, "runs", ["state", "priority", "created_at", "id"], unique=False)
    op.drop_index(EXPERIMENT, table_name="runs", sqlite_where=OF_EXPERIMENT, postgresql_where=OF_EXPERIMENT)
    op.drop_column("runs", "experiment_id")
