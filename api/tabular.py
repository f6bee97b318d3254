"""Tables as streams of bytes: CSV, Arrow, Parquet and JSON lines, of which only a part is in memory at a time."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from migperf.analysis.csv_text import guarded

BATCH_ROWS = 1 << 16
"""Rows that are written together: a row group of Parquet."""


class TableFormat(StrEnum):
    """The forms in which a table can be had."""

    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"
    JSON_LINES = "json-lines"

    @property
    def media_type(self) -> str:
        """What the answer's ``Content-Type`` says."""
        return MEDIA_TYPES[self]

    @property
    def suffix(self) -> str:
        """How file names end."""
        return {TableFormat.JSON_LINES: ".jsonl"}.get(self, f".{self}")


MEDIA_TYPES: Mapping[TableFormat, str] = {
    TableFormat.CSV: "text/csv",
    TableFormat.ARROW: "application/vnd.apache.arrow.stream",
    TableFormat.PARQUET: "application/vnd.apache.parquet",
    TableFormat.JSON_LINES: "application/x-ndjson",
}


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


def write(
    tables: Iterable[pa.Table], schema: pa.Schema, form: TableFormat, batch_rows: int | None = None
) -> Iterator[bytes]:
    """Yield the tables, all of one schema, as one document. The schema's metadata goes where the form has a place.

    ``batch_rows`` are gathered before they are written, ``BATCH_ROWS`` if left out; fewer arrive sooner.
    """
    outbox = _Outbox()
    writer = _writer(outbox, schema, form)
    for table in _gathered(tables, batch_rows or BATCH_ROWS):
        writer.write_table(table)
        yield outbox.take()
    writer.close()
    yield outbox.take()


def _gathered(tables: Iterable[pa.Table], batch_rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of a good size, so that many small series do not become many small pieces."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        if not table.num_rows:
            continue  # pyarrow's writer of CSV adds what lay in its buffer for an empty piece
        waiting.append(table)
        rows += table.num_rows
        if rows >= batch_rows:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _writer(outbox: "_Outbox", schema: pa.Schema, form: TableFormat) -> _Writer:
    match form:
        case TableFormat.ARROW:
            return _as_writer(pa.ipc.new_stream(outbox, schema))
        case TableFormat.PARQUET:
            return _as_writer(parquet.ParquetWriter(outbox, schema, compression="zstd"))
        case TableFormat.CSV:
            outbox.write(_heading(schema))
            return _CsvWriter(_as_writer(arrow_csv.CSVWriter(outbox, schema, write_options=_CSV_WITHOUT_HEADING)))
        case TableFormat.JSON_LINES:
            return _JsonLinesWriter(outbox)


def _as_writer(writer: Any) -> _Writer:  # noqa: ANN401 - pyarrow says nothing of its types
    known: _Writer = writer
    return known


_CSV_WITHOUT_HEADING = arrow_csv.WriteOptions(include_header=False)


def _heading(schema: pa.Schema) -> bytes:
    """Return the first line of a CSV document: names, and in brackets the unit that a field has."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(heading_of(field) for field in schema)
    return text.getvalue().encode()


def heading_of(field: pa.Field) -> str:
    """Return a column's name and unit, such as ``value [W]``; a pure number and a name that tells it have none."""
    unit = (field.metadata or {}).get(b"unit", b"").decode()
    return f"{field.name} [{unit}]" if unit not in ("", "1", "s") else str(field.name)


class _CsvWriter:
    """Writes text so that nothing takes it for a formula."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(guarded(table))

    def close(self) -> None:
        self._writer.close()


class _JsonLinesWriter:
    """Writes each row as a JSON object on a line of its own."""

    def __init__(self, outbox: "_Outbox") -> None:
        self._outbox = outbox

    def write_table(self, table: pa.Table) -> None:
        for batch in table.to_batches(BATCH_ROWS):
            lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in batch.to_pylist())
            self._outbox.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        """There is nothing to end."""


class _Outbox(io.RawIOBase):
    """A file that is only written to, and whose content is taken out as it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever has bytes
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken
