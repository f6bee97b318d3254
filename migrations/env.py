"""Alembic's entry: runs revisions on the connection that the caller passes in (see migperf.store.schema)."""

from alembic import context

from migperf.store import history_tables  # noqa: F401 - tables that the metadata is to know
from migperf.store.models import Base


def run() -> None:
    """Run the revisions in one transaction each."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
