"""Many rows at once and without objects, into the database and out of it, on SQLite and PostgreSQL alike."""

from collections.abc import Sequence
from typing import Any, cast

from psycopg import Connection, Cursor, pq, sql
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Integer,
    LargeBinary,
    Result,
    Row,
    Select,
    String,
    Table,
    event,
    insert,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from migperf.store.models import Base

_COPIED_AS = ((BigInteger, "int8"), (Integer, "int4"), (Float, "float8"), (LargeBinary, "bytea"), (String, "text"))
"""PostgreSQL's names of types; a kind comes before those that it is a special case of."""
AnyRow = Row[*tuple[Any, ...]]


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements that need no objects."""
    return cast("Table", model.__table__)


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, all with the same columns."""
    if rows:
        session.execute(insert(table_of(model)), rows)


def copy_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of numbers, text and bytes, all with the same columns in the same order, the fastest way there is."""
    if not rows or session.get_bind().dialect.name != "postgresql":
        insert_rows(session, model, rows)
        return
    table = table_of(model)
    types = [_copied_as(table.columns[name]) for name in rows[0]]
    names = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table.name), names)
    driver = cast("Connection[Any]", session.connection().connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(tuple(row.values()))


def fetch_binary(session: Session, query: Select[*tuple[Any, ...]]) -> Result[*tuple[Any, ...]]:
    """Run a query for columns with much in bytes: PostgreSQL would send them as text, and reading that takes longer."""
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return connection.execute(query)
    event.listen(connection, "before_cursor_execute", _ask_for_binary)
    try:
        return connection.execute(query)
    finally:
        event.remove(connection, "before_cursor_execute", _ask_for_binary)


def _ask_for_binary(_connection: object, cursor: Cursor[Any], *_rest: object) -> None:
    cursor.format = pq.Format.BINARY


def _copied_as(column: Column[Any]) -> str:
    return next(name for kind, name in _COPIED_AS if isinstance(column.type, kind))


def upsert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, all with the same columns, or replace those that have the same primary key."""
    if not rows:
        return
    table = table_of(model)
    keys = [column.name for column in table.primary_key]
    dialect = session.get_bind().dialect.name
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def insert_if_new(session: Session, model: type[Base], row: dict[str, Any]) -> bool:
    """Insert a row unless one is there that it must not be beside; tell whether it was inserted.

    If another transaction is inserting such a row, its end is waited for.
    """
    table = table_of(model)
    dialect = session.get_bind().dialect.name
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    inserted = session.execute(statement.on_conflict_do_nothing().returning(*table.primary_key), row)
    return inserted.first() is not None
