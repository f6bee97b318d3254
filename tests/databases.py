"""Real databases for tests: a SQLite file, or a PostgreSQL database of its own that is dropped afterwards.

Migrating takes longer than most tests. Those that only want the newest schema get a copy of a SQLite file that was
migrated once, or a PostgreSQL database that was migrated once and is emptied for each of them.

``MIGPERF_TEST_POSTGRESQL_URL`` names the server (any database on it that may create others). Where it cannot be
reached a test is skipped, unless ``MIGPERF_TEST_REQUIRE_SERVICES`` is set, as the test command does.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from migperf.store import schema
from migperf.store.database import Database
from migperf.store.models import Base, RunTransition

BACKENDS = ("sqlite", "postgresql")
SQLITE_FILE = "test.db"


def postgresql_server() -> URL:
    """Return the URL of the PostgreSQL server that tests may use."""
    given = os.environ.get("MIGPERF_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    return make_url(given).set(drivername="postgresql+psycopg")


@contextmanager
def temporary_database(backend: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database that is gone afterwards."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / SQLITE_FILE}"
        return
    server, name = postgresql_server(), f"migperf_test_{uuid4().hex[:12]}"
    _on_server(server, f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def migrated_database(backend: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a database at the newest schema that is gone afterwards."""
    with temporary_database(backend, folder) as url:
        if backend == "sqlite":
            migrated_sqlite(folder)
        else:
            _migrate(url)
        yield url


def migrated_sqlite(folder: Path) -> str:
    """Put a SQLite file at the newest schema, without rows, into a folder; return its URL."""
    with temporary_database("sqlite", folder) as url:
        (folder / SQLITE_FILE).write_bytes(_sqlite_at_head())
        return url


def make_empty(url: str) -> None:
    """Bring a PostgreSQL database back to the newest schema without rows, whatever a test did to it.

    Rows are deleted, not truncated: PostgreSQL makes new files for a truncated table and syncs them.
    """
    database = Database(url)
    with database.write() as session:
        session.execute(text(_LEAVE))
    if schema.current(database) != schema.head():
        schema.upgrade(database)
    with database.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != RunTransition.__tablename__:
                session.execute(table.delete())
        session.execute(text(_COUNT_ANEW))
    database.close()


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """Yield the statements that are sent to the database meanwhile, but for those that begin SQLite's transactions."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def query_plan(session: Session, read: Callable[[], object], table: str, with_words: str = "") -> str:
    """Return how the database goes about the first query of ``read`` on that table, as it would if much were stored.

    The first one that has these words, too.
    """
    asked: list[tuple[str, Any]] = []

    def note(*about: Any) -> None:
        asked.append((about[2], about[3]))

    event.listen(session.get_bind(), "before_cursor_execute", note)
    read()
    event.remove(session.get_bind(), "before_cursor_execute", note)
    about_table = (one for one in asked if f"FROM {table} " in one[0].replace("\n", " ") + " ")
    statement, parameters = next(one for one in about_table if with_words in one[0])
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters))
    for choice in ("seqscan", "bitmapscan"):
        # They suit tables of a few rows.
        connection.exec_driver_sql(f"SET LOCAL enable_{choice} = off")
    return "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())


_LEAVE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_COUNT_ANEW = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
    WHERE last_value IS NOT NULL
"""


@cache
def _sqlite_at_head() -> bytes:
    with TemporaryDirectory() as folder, temporary_database("sqlite", Path(folder)) as url:
        _migrate(url)
        return (Path(folder) / SQLITE_FILE).read_bytes()


def _migrate(url: str) -> None:
    database = Database(url)
    schema.upgrade(database)
    database.close()


def unavailable(what: str, error: Exception) -> None:
    """Skip the test for want of a service, or fail it where services are required."""
    if os.environ.get("MIGPERF_TEST_REQUIRE_SERVICES"):
        pytest.fail(f"{what} is required for the tests and cannot be reached: {error}")
    pytest.skip(f"{what} cannot be reached: {error}")


def _on_server(server: URL, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    except OperationalError as error:
        unavailable("PostgreSQL", error)
    finally:
        engine.dispose()
