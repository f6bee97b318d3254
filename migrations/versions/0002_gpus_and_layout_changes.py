"""GPUs, changes of their layout, and leases that hold a whole GPU."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ACTIVE = sa.text("released_at IS NULL")

# Whoever grants leases and whatever it checked before: an exclusive lease is alone on its GPU, and while a change of
# layout holds a GPU nothing new is put on it.
SQLITE_TRIGGER = """
CREATE TRIGGER leases_exclusive_gpu BEFORE INSERT ON leases
WHEN NEW.gpu IS NOT NULL AND NEW.released_at IS NULL AND EXISTS (
    SELECT 1 FROM leases
    WHERE gpu = NEW.gpu AND released_at IS NULL AND (exclusive OR change_id IS NOT NULL OR NEW.exclusive)
)
BEGIN
    SELECT RAISE(ABORT, 'the GPU is held by a lease that lets no other on it');
END
"""
# The lock on the GPU's row makes two transactions that each insert a lease take turns.
POSTGRESQL_FUNCTION = """
CREATE FUNCTION check_exclusive_gpu() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM gpus WHERE uuid = NEW.gpu FOR UPDATE;
    IF EXISTS (
        SELECT 1 FROM leases
        WHERE gpu = NEW.gpu AND released_at IS NULL AND (exclusive OR change_id IS NOT NULL OR NEW.exclusive)
    ) THEN
        RAISE EXCEPTION 'GPU % is held by a lease that lets no other on it', NEW.gpu
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END
$$
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER leases_exclusive_gpu BEFORE INSERT ON leases
FOR EACH ROW WHEN (NEW.gpu IS NOT NULL AND NEW.released_at IS NULL) EXECUTE FUNCTION check_exclusive_gpu()
"""


def upgrade() -> None:
    op.create_table(
        "gpus",
        sa.Column("uuid", sa.String(length=128), nullable=False),
        sa.Column("node", sa.String(length=63), nullable=False),
        sa.Column("description", JSON, nullable=False),
        sa.Column("read_at", UTC_TIME, nullable=False),
        sa.Column("seen_at", UTC_TIME, nullable=False),
        sa.Column("retired_at", UTC_TIME, nullable=True),
        sa.Column("boot_id", sa.String(length=64), nullable=False),
        sa.Column("kept_layout", sa.String(length=512), nullable=True),
        sa.Column("restore_layout", sa.String(length=512), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["nodes.name"], name=op.f("fk_gpus_node")),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_gpus")),
    )
    op.create_index(op.f("ix_gpus_node"), "gpus", ["node"], unique=False)
    op.create_table(
        "layout_changes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("gpu", sa.String(length=128), nullable=False),
        sa.Column("layout", sa.String(length=512), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("started_at", UTC_TIME, nullable=True),
        sa.Column("finished_at", UTC_TIME, nullable=True),
        sa.Column("before", sa.String(length=512), nullable=True),
        sa.Column("after", sa.String(length=512), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'placed', 'running', 'applied', 'failed', 'cancelled')",
            name=op.f("ck_layout_changes_state"),
        ),
        sa.ForeignKeyConstraint(["gpu"], ["gpus.uuid"], name=op.f("fk_layout_changes_gpu")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layout_changes")),
    )
    op.create_index("ix_layout_changes_state_created_at", "layout_changes", ["state", "created_at"], unique=False)
    op.create_index("ix_layout_changes_gpu_created_at", "layout_changes", ["gpu", "created_at"], unique=False)
    op.add_column("partitions", sa.Column("gpu", sa.String(length=128), nullable=True))
    op.create_index(op.f("ix_partitions_gpu"), "partitions", ["gpu"], unique=False)
    op.add_column("runs", sa.Column("layout", sa.String(length=512), nullable=True))
    _widen_leases()
    _create_trigger()


def _widen_leases() -> None:
    with op.batch_alter_table("leases", table_kwargs={"sqlite_autoincrement": True}) as leases:
        leases.alter_column("run_id", existing_type=sa.String(length=36), nullable=True)
        leases.alter_column("partition", existing_type=sa.String(length=128), nullable=True)
        leases.add_column(sa.Column("change_id", sa.String(length=36), nullable=True))
        leases.add_column(sa.Column("gpu", sa.String(length=128), nullable=True))
        leases.add_column(sa.Column("exclusive", sa.Boolean(), nullable=False, server_default=sa.false()))
        leases.add_column(sa.Column("give_back_requested_at", UTC_TIME, nullable=True))
        leases.create_foreign_key(
            op.f("fk_leases_change_id"), "layout_changes", ["change_id"], ["id"], ondelete="CASCADE"
        )
        leases.create_foreign_key(op.f("fk_leases_gpu"), "gpus", ["gpu"], ["uuid"])
        leases.create_check_constraint(op.f("ck_leases_one_holder"), "(run_id IS NULL) <> (change_id IS NULL)")
        leases.create_check_constraint(op.f("ck_leases_something_held"), "partition IS NOT NULL OR gpu IS NOT NULL")
    with op.batch_alter_table("leases", table_kwargs={"sqlite_autoincrement": True}) as leases:
        leases.alter_column("exclusive", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)
    op.create_index(op.f("ix_leases_change_id"), "leases", ["change_id"], unique=False)
    op.create_index(
        "uq_leases_active_change", "leases", ["change_id"], unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE
    )
    op.create_index(
        "ix_leases_active_gpu", "leases", ["gpu"], unique=False, sqlite_where=ACTIVE, postgresql_where=ACTIVE
    )


def _create_trigger() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(SQLITE_TRIGGER)
    else:
        op.execute(POSTGRESQL_FUNCTION)
        op.execute(POSTGRESQL_TRIGGER)


def downgrade() -> None:
    """Take it all away; leases of changes go with them, and so do those of runs whose GPU is not cut yet."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER leases_exclusive_gpu" + ("" if is_sqlite else " ON leases"))
    if not is_sqlite:
        op.execute("DROP FUNCTION check_exclusive_gpu()")
    op.execute("DELETE FROM leases WHERE run_id IS NULL OR partition IS NULL")
    op.drop_index("ix_leases_active_gpu", table_name="leases")
    op.drop_index("uq_leases_active_change", table_name="leases")
    op.drop_index(op.f("ix_leases_change_id"), table_name="leases")
    with op.batch_alter_table("leases", table_kwargs={"sqlite_autoincrement": True}) as leases:
        leases.drop_constraint(op.f("ck_leases_something_held"), type_="check")
        leases.drop_constraint(op.f("ck_leases_one_holder"), type_="check")
        leases.drop_constraint(op.f("fk_leases_gpu"), type_="foreignkey")
        leases.drop_constraint(op.f("fk_leases_change_id"), type_="foreignkey")
        for column in ("give_back_requested_at", "exclusive", "gpu", "change_id"):
            leases.drop_column(column)
        leases.alter_column("partition", existing_type=sa.String(length=128), nullable=False)
        leases.alter_column("run_id", existing_type=sa.String(length=36), nullable=False)
    op.drop_index(op.f("ix_partitions_gpu"), table_name="partitions")
    op.drop_column("partitions", "gpu")
    op.drop_column("runs", "layout")
    op.drop_table("layout_changes")
    op.drop_table("gpus")
