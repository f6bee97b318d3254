"""How well a run was measured: what its rules found, what tainted it; and engines that do not compile."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
STATES = ("queued", "placed", "running", "succeeded", "does_not_fit", "failed", "cancelled", "timed_out", "lost")
WITH_ENGINES = (*STATES[:5], "does_not_compile", *STATES[5:])


def upgrade() -> None:
    for column in _columns():
        op.add_column("runs", column)
    _allow(STATES, WITH_ENGINES)
    op.execute("INSERT INTO run_transitions (from_state, to_state) VALUES ('running', 'does_not_compile')")


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("warmup_note", sa.Text(), nullable=True),
        sa.Column("measuring_note", sa.Text(), nullable=True),
        sa.Column("converged", sa.Boolean(), nullable=True),
        sa.Column("taints", JSON, nullable=True),
        sa.Column("taint_retry_limit", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("taint_retries", sa.Integer(), nullable=False, server_default="0"),
    ]


def _allow(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """Replace the states that the table allows."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_runs_state"), "runs", type_="check")
        op.create_check_constraint(op.f("ck_runs_state"), "runs", f"state IN ({_listed(after)})")
        return
    # SQLite can change a constraint only by making the table anew, which would take all that belongs to runs with it;
    # or by writing its schema, as its documentation allows for constraints that hold of every row already.
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    op.get_bind().execute(
        sa.text("UPDATE sqlite_schema SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = 'runs'"),
        {"old": _listed(before), "new": _listed(after)},
    )
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def downgrade() -> None:
    # The trigger lets runs leave a final state only if the table says so.
    op.execute("INSERT INTO run_transitions (from_state, to_state) VALUES ('does_not_compile', 'failed')")
    op.execute("UPDATE runs SET state = 'failed' WHERE state = 'does_not_compile'")
    op.execute("DELETE FROM run_transitions WHERE 'does_not_compile' IN (from_state, to_state)")
    _allow(WITH_ENGINES, STATES)
    for column in reversed(_columns()):
        op.drop_column("runs", column.name)
