"""The migrations go up and down on SQLite and PostgreSQL, and lead to exactly the tables of the code."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import bindparam, inspect, text
from sqlalchemy.exc import DBAPIError

from migperf.store import schema
from migperf.store.database import Database
from migperf.store.models import Base
from migperf.store.types import UtcDateTime


def test_up_leads_to_the_models_and_down_to_nothing(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    schema.upgrade(database)
    schema.require_head(database)
    with database.engine.connect() as connection:
        opts = {"compare_type": True, "include_object": _can_be_compared(database.engine.dialect.name)}
        context = MigrationContext.configure(connection, opts=opts)
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


def _can_be_compared(dialect: str) -> Callable[..., bool]:
    """Leave out what SQLite does not tell: in which direction an index has its columns."""

    def can(thing: object, name: str | None, *_: object) -> bool:
        return (dialect, name) != ("sqlite", "ix_runs_queue")

    return can


def test_runs_of_experiments_know_them_from_0006_on_also_those_that_were_there(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    schema.upgrade(database, "0005")
    with database.write() as session:
        for statement in (*RUNS_OF_AN_EXPERIMENT, "INSERT INTO run_labels VALUES ('r', 'a', 'b')"):
            session.execute(text(statement), given_for(statement))
    schema.upgrade(database)
    known = text("SELECT id, experiment_id FROM runs ORDER BY id")
    with database.read() as session:
        assert session.execute(known).all() == [("q", "e"), ("r", None)]
    schema.downgrade(database, "0005")
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM run_labels")).scalar() == 1, "what belongs to runs stays"
    schema.upgrade(database)
    with database.read() as session:
        assert session.execute(known).all() == [("q", "e"), ("r", None)]
    database.close()


GIVEN = {"at": "2026-01-01 00:00:00+00:00", "no": False}
A_RUN_UNDER_WAY = (
    "INSERT INTO nodes VALUES ('n', 'i', 'h', 'v', :at, :at, NULL)",
    "INSERT INTO partitions VALUES ('p', 'n', 'cpu', 'm', NULL, :no, '{}', :at, NULL)",
    "INSERT INTO runs (id, created_at, state, version, workload, scenario, fingerprint, benchmark, priority, timeout_s,"
    " retry_limit, attempt, losses, progress) VALUES ('r', :at, 'running', 1, 'w', 's', 'f', '{}', 0, 1, 1, 1, 0, 0)",
    "INSERT INTO leases (run_id, partition, node, attempt, granted_at, deadline) VALUES ('r', 'p', 'n', 1, :at, :at)",
)
RUNS_OF_AN_EXPERIMENT = (
    A_RUN_UNDER_WAY[2],
    "INSERT INTO experiments VALUES ('e', 'x', :at, NULL, NULL, '{}', '{}', 0)",
    "INSERT INTO experiment_cells VALUES ('e', 0, '{}', NULL, 'no')",
    "INSERT INTO groups VALUES ('g', 'e', 0, 0, 1, 'open', 1, :no, NULL, 1, NULL)",
    A_RUN_UNDER_WAY[2].replace("'r'", "'q'"),
    "UPDATE runs SET group_id = 'g' WHERE id = 'q'",
)
ANOTHER_LEASE = (
    "INSERT INTO leases (run_id, partition, node, attempt, granted_at, deadline, exclusive)"
    " VALUES ('r', 'p', 'n', 2, :at, :at, :no)"
)


def given_for(statement: str) -> dict[str, object]:
    return {name: value for name, value in GIVEN.items() if f":{name}" in statement}


def test_leases_outlive_the_migration_that_widens_them_and_tokens_go_on_growing(empty_database_url: str) -> None:
    """Fencing relies on it: a token that came twice would let a dead worker write."""
    database = Database(empty_database_url)
    schema.upgrade(database, "0001")
    with database.write() as session:
        for statement in A_RUN_UNDER_WAY:
            session.execute(text(statement), given_for(statement))
    schema.upgrade(database)
    with database.write() as session:
        assert session.execute(text("SELECT id, run_id, partition FROM leases WHERE NOT exclusive")).all() == [
            (1, "r", "p")
        ]
        session.execute(text("UPDATE leases SET released_at = granted_at"))
        session.execute(text(ANOTHER_LEASE), given_for(ANOTHER_LEASE))
    schema.downgrade(database, "0001")
    with database.read() as session:
        assert session.execute(text("SELECT id, attempt FROM leases ORDER BY id")).all() == [(1, 1), (2, 2)]
    schema.upgrade(database)
    database.close()


A_SERIES = (
    "INSERT INTO series (id, run_id, name, unit, scope, source) VALUES (1, 'r', 'latency', 'ms', 'process', 'timer')",
    "INSERT INTO series (id, run_id, name, unit, scope, source) VALUES (2, 'r', 'rss', 'MiB', 'process_tree', 'p')",
    "INSERT INTO series_chunks (series_id, sequence, count, first_ns, last_ns, minimum, maximum, mean, codec, data)"
    " VALUES (1, 0, 1, 0, 0, 1.0, 1.0, 1.0, 'c', 'abc')",
)
CHUNKS = text("SELECT series_id, count, codec FROM series_chunks")


def test_series_outlive_the_migration_that_widens_them_up_and_down(empty_database_url: str) -> None:
    """SQLite drops the chunks with the table of their heads if that is made anew."""
    database = Database(empty_database_url)
    schema.upgrade(database, "0002")
    with database.write() as session:
        for statement in (*A_RUN_UNDER_WAY[2:3], *A_SERIES):
            session.execute(text(statement), given_for(statement))
    schema.upgrade(database)
    with database.read() as session:
        kinds = session.execute(text("SELECT name, kind, lookback_ms FROM series ORDER BY id")).all()
        assert kinds == [("latency", "duration", 0), ("rss", "gauge", 0)]
        assert session.execute(CHUNKS).all() == [(1, 1, "c")]
    schema.downgrade(database, "0002")
    with database.read() as session:
        assert session.execute(CHUNKS).all() == [(1, 1, "c")]
    schema.upgrade(database)
    database.close()


STATES = text("SELECT state FROM runs")


def test_engines_that_do_not_compile_are_known_from_0004_on_and_failed_runs_before(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    schema.upgrade(database, "0003")
    with database.write() as session:
        session.execute(text(A_RUN_UNDER_WAY[2]), given_for(A_RUN_UNDER_WAY[2]))
    with pytest.raises(DBAPIError), database.write() as session:
        session.execute(text("UPDATE runs SET state = 'does_not_compile'"))
    schema.upgrade(database)
    with database.write() as session:
        session.execute(text("UPDATE runs SET state = 'does_not_compile'"))
    with pytest.raises(DBAPIError), database.write() as session:
        session.execute(
            text(A_RUN_UNDER_WAY[2].replace("'r'", "'s'").replace("running", "no_such_state")),
            given_for(A_RUN_UNDER_WAY[2]),
        )
    schema.downgrade(database, "0003")
    with database.read() as session:
        assert session.execute(STATES).scalars().all() == ["failed"]
    schema.upgrade(database)
    database.close()


def test_runs_that_were_there_are_found_by_words_from_0011_on(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    schema.upgrade(database, "0010")
    with database.write() as session:
        session.execute(text(A_RUN_UNDER_WAY[2]), given_for(A_RUN_UNDER_WAY[2]))
        session.execute(text("INSERT INTO run_labels VALUES ('r', 'B', 'Two'), ('r', 'a', 'one')"))
        session.execute(text("UPDATE runs SET taints = '[]'"))
    schema.upgrade(database)
    with database.read() as session:
        found, tainted = session.execute(text("SELECT search_text, tainted FROM runs")).one()
    assert (found.split()[0], set(found.split()), bool(tainted)) == ("w", {"w", "b=two", "a=one"}, False)
    schema.downgrade(database, "0010")
    schema.upgrade(database)
    database.close()


def test_runs_that_had_ended_know_how_long_they_took_from_0014_on(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    schema.upgrade(database, "0013")
    times = {"began": datetime(2026, 1, 1, tzinfo=UTC), "ended": datetime(2026, 1, 2, 0, 0, 1, 500_001, tzinfo=UTC)}
    with database.write() as session:
        for run_id in "rst":
            session.execute(text(A_RUN_UNDER_WAY[2].replace("'r'", f"'{run_id}'")), given_for(A_RUN_UNDER_WAY[2]))
        moments = [bindparam(name, type_=UtcDateTime()) for name in times]
        ended = text("UPDATE runs SET started_at = :began, finished_at = :ended WHERE id = 'r'").bindparams(*moments)
        session.execute(ended, times)
        never = text("UPDATE runs SET finished_at = :ended WHERE id = 's'").bindparams(moments[1])
        session.execute(never, {"ended": times["ended"]})
    schema.upgrade(database)
    with database.read() as session:
        known = session.execute(text("SELECT id, duration_s FROM runs ORDER BY id")).all()
    assert known == [("r", 86_401.500001), ("s", None), ("t", None)]
    schema.downgrade(database, "0013")
    schema.upgrade(database)
    database.close()


def test_an_empty_database_is_refused_with_the_command_that_helps(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with pytest.raises(schema.SchemaError, match="migperf db upgrade"):
        schema.require_head(database)
    database.close()


def test_processes_that_upgrade_together_take_turns(empty_database_url: str) -> None:
    databases = [Database(empty_database_url) for _ in range(4)]
    threads = [threading.Thread(target=schema.upgrade, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        schema.require_head(database)
        database.close()
