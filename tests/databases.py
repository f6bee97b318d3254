"""Real databases for tests: a SQLite file, or a PostgreSQL database of its own that is dropped afterwards.

``MIGPERF_TEST_POSTGRESQL_URL`` names the server (any database on it that may create others). Where it cannot be
reached a test is skipped, unless ``MIGPERF_TEST_REQUIRE_SERVICES`` is set, as the test command does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError

BACKENDS = ("sqlite", "postgresql")


def postgresql_server() -> URL:
    """Return the URL of the PostgreSQL server that tests may use."""
    given = os.environ.get("MIGPERF_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    return make_url(given).set(drivername="postgresql+psycopg")


@contextmanager
def temporary_database(backend: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database that is gone afterwards."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / 'test.db'}"
        return
    server, name = postgresql_server(), f"migperf_test_{uuid4().hex[:12]}"
    _on_server(server, f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


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
