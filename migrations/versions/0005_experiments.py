"""Experiments: cells, groups of runs, and leases that hold a device together."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ACTIVE = sa.text("released_at IS NULL")
GROUP_STATES = ("open", "succeeded", "does_not_fit", "does_not_compile", "failed", "timed_out", "lost", "cancelled")

BESIDE = """
    SELECT 1 FROM leases
    WHERE device = NEW.device AND released_at IS NULL AND (exclusive OR change_id IS NOT NULL OR NEW.exclusive)
    AND (gang IS NULL OR NEW.gang IS NULL OR gang <> NEW.gang)
"""
BESIDE_ON_GPU = """
    SELECT 1 FROM leases
    WHERE gpu = NEW.gpu AND released_at IS NULL AND (exclusive OR change_id IS NOT NULL OR NEW.exclusive)
"""


def upgrade() -> None:
    _create_tables()
    for column in _run_columns():
        op.add_column("runs", column)
    op.create_index(op.f("ix_runs_group_id"), "runs", ["group_id"], unique=False)
    for column in _lease_columns():
        op.add_column("leases", column)
    op.execute("UPDATE leases SET device = coalesce(gpu, partition)")
    op.create_index(
        "ix_leases_active_device", "leases", ["device"], unique=False, sqlite_where=ACTIVE, postgresql_where=ACTIVE
    )
    _drop_trigger("leases_exclusive_gpu", "check_exclusive_gpu")
    _create_trigger("leases_exclusive_device", "check_exclusive_device", "device", BESIDE, "device")


def _create_tables() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("finished_at", UTC_TIME, nullable=True),
        sa.Column("cancelled_at", UTC_TIME, nullable=True),
        sa.Column("document", JSON, nullable=False),
        sa.Column("plan", JSON, nullable=False),
        sa.Column("retry_failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    op.create_index("ix_experiments_created_at_id", "experiments", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_experiments_name"), "experiments", ["name"], unique=False)
    op.create_table(
        "experiment_cells",
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("coordinates", JSON, nullable=False),
        sa.Column("spec", JSON, nullable=True),
        sa.Column("skipped", sa.Text(), nullable=True),
        sa.CheckConstraint("(spec IS NULL) <> (skipped IS NULL)", name=op.f("ck_experiment_cells_spec_or_reason")),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_experiment_cells_experiment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "number", name=op.f("pk_experiment_cells")),
    )
    states = ", ".join(f"'{state}'" for state in GROUP_STATES)
    op.create_table(
        "groups",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.Column("sharing", JSON, nullable=True),
        sa.Column("shares", sa.Integer(), nullable=False),
        sa.Column("settled_at", UTC_TIME, nullable=True),
        sa.CheckConstraint(f"state IN ({states})", name=op.f("ck_groups_state")),
        sa.ForeignKeyConstraint(
            ["experiment_id", "cell"],
            ["experiment_cells.experiment_id", "experiment_cells.number"],
            name="fk_groups_cell",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("experiment_id", "cell", "repeat", "attempt", name="uq_groups_attempt"),
    )
    op.create_index("ix_groups_state", "groups", ["state"], unique=False)


def _run_columns() -> list[sa.Column[Any]]:
    """No reference to the group: SQLite cannot drop such a column without making the table of runs anew."""
    return [
        sa.Column("group_id", sa.String(length=36), nullable=True),
        sa.Column("member", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=True),
    ]


def _lease_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("device", sa.String(length=128), nullable=True),
        sa.Column("gang", sa.String(length=36), nullable=True),
    ]


def _create_trigger(name: str, function: str, column: str, beside: str, what: str) -> None:
    told = f"the {what} is held by a lease that lets no other on it"
    there = f"NEW.{column} IS NOT NULL AND NEW.released_at IS NULL"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON leases WHEN {there} AND EXISTS ({beside}) "
            f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
        )
        return
    # The lock on the device's row makes two transactions that each insert a lease take turns.
    op.execute(
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"PERFORM 1 FROM gpus WHERE uuid = NEW.{column} FOR UPDATE; "
        f"PERFORM 1 FROM partitions WHERE uuid = NEW.{column} FOR UPDATE; "
        f"IF EXISTS ({beside}) THEN RAISE EXCEPTION '{told}: %', NEW.{column} "
        "USING ERRCODE = 'exclusion_violation'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE INSERT ON leases FOR EACH ROW WHEN ({there}) EXECUTE FUNCTION {function}()"
    )


def _drop_trigger(name: str, function: str) -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite else " ON leases"))
    if not is_sqlite:
        op.execute(f"DROP FUNCTION {function}()")


def downgrade() -> None:
    """Take it all away. Runs stay; leases that hold a device together end, as nothing would keep them apart."""
    _drop_trigger("leases_exclusive_device", "check_exclusive_device")
    op.execute("DELETE FROM leases WHERE gang IS NOT NULL AND released_at IS NULL")
    _create_trigger("leases_exclusive_gpu", "check_exclusive_gpu", "gpu", BESIDE_ON_GPU, "GPU")
    op.drop_index("ix_leases_active_device", table_name="leases")
    for column in reversed(_lease_columns()):
        op.drop_column("leases", column.name)
    op.drop_index(op.f("ix_runs_group_id"), table_name="runs")
    for column in reversed(_run_columns()):
        op.drop_column("runs", column.name)
    op.drop_table("groups")
    op.drop_table("experiment_cells")
    op.drop_table("experiments")
