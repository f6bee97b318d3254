"""The points of a history as a table: a row for each figure of each point, so that programs can draw and test them."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from api.schemas.points import why_not_of
from migperf.histories.watch import Watch
from migperf.store import histories
from migperf.store.database import Database
from migperf.store.history_tables import HistoryRow, PointRow

_AT_ONCE = 1000
_COLUMNS = (
    ("point", pa.int64()),
    ("number", pa.int64()),
    ("at", pa.string()),
    ("origin", pa.string()),
    ("key", pa.string()),
    ("run", pa.string()),
    ("figure", pa.string()),
    ("value", pa.float64()),
    ("unit", pa.string()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("level", pa.float64()),
    ("why_not", pa.string()),
)


def schema_of(history: HistoryRow) -> pa.Schema:
    """Return the schema of the table; which history it is of goes into the metadata."""
    about = {"history": history.id, "title": history.title, "fingerprint": history.fingerprint}
    return pa.schema(list(_COLUMNS), metadata=about)


def tables_of(database: Database, history_id: str, watch: Watch, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield all points of a history, newest first, some at a time. One without a figure has no row."""
    before: PointRow | None = None
    while True:
        with database.read() as session:
            found = histories.newest_points(session, history_id, _AT_ONCE, before)
        yield pa.Table.from_pylist(list(_rows(found, watch)), schema=schema)
        if len(found) < _AT_ONCE:
            return
        before = found[-1]


def _rows(points: Sequence[PointRow], watch: Watch) -> Iterator[dict[str, Any]]:
    for row in points:
        told = {
            "point": row.id,
            "number": row.number,
            "at": row.at.isoformat(),
            "origin": row.origin,
            "key": row.key,
            "run": row.run_id,
            "why_not": why_not_of(row, watch),
        }
        for name, figure in row.figures.items():
            yield (
                told | {"figure": name} | {part: figure.get(part) for part in ("value", "unit", "low", "high", "level")}
            )
