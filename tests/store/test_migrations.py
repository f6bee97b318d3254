"""The migrations go up and down on SQLite and PostgreSQL, and lead to exactly the tables of the code."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from migperf.store import schema
from migperf.store.database import Database
from migperf.store.models import Base


def test_up_leads_to_the_models_and_down_to_nothing(database_url: str) -> None:
    database = Database(database_url)
    schema.upgrade(database)
    schema.require_head(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    schema.downgrade(database, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    assert schema.current(database) is None
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect() as connection:
            left = connection.execute(text("SELECT count(*) FROM pg_proc WHERE proname = 'check_run_transition'"))
            assert left.scalar() == 0
    schema.upgrade(database)
    schema.require_head(database)
    database.close()


def test_an_empty_database_is_refused_with_the_command_that_helps(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(schema.SchemaError, match="migperf db upgrade"):
        schema.require_head(database)
    database.close()


def test_processes_that_upgrade_together_take_turns(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    threads = [threading.Thread(target=schema.upgrade, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        schema.require_head(database)
        database.close()
