"""The connection to the database: SQLite and PostgreSQL behind one pair of transactions, ``read`` and ``write``."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from migperf.errors import ConfigurationError

SQLITE_BUSY_MS = 30_000
PLACEMENT = 0x6D69_6771
"""Key of the lock that a placement pass holds, and whoever must not have one come in between."""
_WRITE = {"migperf_write": True}


class Database:
    """One database. Objects read in a transaction stay usable after it has ended."""

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads; rolled back at its end."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write; committed at its end, rolled back if the block raises.

        On SQLite it takes the write lock at once, so that what it read is still true when it writes.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options=_WRITE)
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def now(session: Session) -> datetime:
    """The time by the database's clock, UTC: one clock for every host, so that leases do not depend on theirs."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    clock: datetime = session.scalars(select(func.clock_timestamp())).one()
    return clock.astimezone(UTC)


def lock_for_pass(session: Session, key: int) -> None:
    """Let one transaction at a time hold ``key`` until it ends; others wait. A SQLite writer is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(key)))


def _create_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(f"MIGPERF_DATABASE_URL: {error}") from error
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=40)
    if parsed.get_backend_name() != "sqlite":
        raise ConfigurationError(f"MIGPERF_DATABASE_URL: {parsed.drivername} is neither sqlite nor postgresql")
    if parsed.database:
        Path(parsed.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_size=10, max_overflow=40)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
    # The driver must not begin transactions by itself: it would begin them too late (see _begin_sqlite).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
    _write_ahead(connection)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: Any) -> None:  # noqa: ANN401
    """Have the file use a write-ahead log.

    Of connections that switch a new file at the same time, SQLite refuses some at once, without the patience that it
    has been asked for: to wait for each other they would have to let go of it first.
    """
    deadline_s = time.monotonic() + SQLITE_BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
            # At random, so that they do not meet again.
            time.sleep(random.uniform(0.001, 0.02))
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Begin writers with the write lock: upgrading a reader's snapshot later fails when somebody wrote meanwhile."""
    write = connection.get_execution_options().get("migperf_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
