"""Throw-away databases for the benchmarks of what is stored: a SQLite file, or a PostgreSQL database of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from migperf.store.database import Database

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@contextmanager
def throw_away(server: str | None) -> Iterator[str]:
    """Yield the URL of an empty database that is gone afterwards: SQLite's without a server's URL."""
    if server is None:
        with tempfile.TemporaryDirectory(prefix="migperf-benchmark-") as folder:
            yield f"sqlite:///{Path(folder) / 'series.db'}"
        return
    url, name = make_url(server), f"migperf_benchmark_{uuid4().hex[:12]}"
    _on_server(server, f"CREATE DATABASE {name}")
    try:
        yield url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def stored_bytes(database: Database) -> int:
    """Return how much disk the chunks of series take, free space that merging left behind included."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            return int(connection.execute(text("SELECT pg_total_relation_size('series_chunks')")).scalar_one())
        pages, size = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
        return int(pages) * int(size)


def analysed(database: Database) -> None:
    """Let PostgreSQL count and tidy what it has, as it does by itself after much was stored. SQLite never does."""
    if database.engine.dialect.name == "sqlite":
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _on_server(server: str, statement: str) -> None:
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
