"""The columns of a table of runs, and its forms: JSON lines have all there is, the others a value in each column."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from api import tabular
from api.schemas.runs import RunExperiment, RunPartition
from api.schemas.table_rows import RunRow
from api.tabular import TableFormat
from migperf.measure.figures import ResultFigure

GROUP_ROWS = 5_000
"""Of a row group of Parquet: in larger ones columns are told better, but nothing arrives while one is gathered."""
_MOMENT = pa.timestamp("us", "UTC")
_COLUMNS = (
    ("run", pa.string()),
    ("state", pa.string()),
    ("reason", pa.string()),
    ("simulated", pa.bool_()),
    ("tainted", pa.bool_()),
    ("taints", pa.string()),
    ("workload", pa.string()),
    ("scenario", pa.string()),
    ("parameters", pa.string()),
    ("load", pa.string()),
    ("engine", pa.string()),
    ("fingerprint", pa.string()),
    ("labels", pa.string()),
    ("experiment", pa.string()),
    ("cell", pa.int64()),
    ("repeat", pa.int64()),
    ("role", pa.string()),
    ("node", pa.string()),
    ("partition_kind", pa.string()),
    ("partition_profile", pa.string()),
    ("partition_model", pa.string()),
    ("partition_uuid", pa.string()),
    ("gpu_uuid", pa.string()),
    ("priority", pa.int64()),
    ("attempt", pa.int64()),
    ("created_at", _MOMENT),
    ("started_at", _MOMENT),
    ("finished_at", _MOMENT),
    ("duration_s", pa.float64()),
    ("window_s", pa.float64()),
)
_AS_THEY_ARE = (
    "state",
    "reason",
    "simulated",
    "tainted",
    "workload",
    "scenario",
    "fingerprint",
    "priority",
    "attempt",
    "created_at",
    "started_at",
    "finished_at",
    "duration_s",
)
_OF_FIGURE = (
    ("", pa.float64()),
    ("_unit", pa.string()),
    ("_scope", pa.string()),
    ("_low", pa.float64()),
    ("_high", pa.float64()),
    ("_level", pa.float64()),
)


def column_taken(figures: Iterable[str]) -> tuple[str, str] | None:
    """Return the first figure whose columns are there already, and that column; None where all have their own."""
    taken = {name for name, _ in _COLUMNS}
    for figure in figures:
        own = {f"{figure}{part}" for part, _ in _OF_FIGURE}
        if twice := own & taken:
            return figure, min(twice)
        taken |= own
    return None


def schema_of(figures: Iterable[str]) -> pa.Schema:
    """Return the columns: those of every table, and six for each figure."""
    own = [(f"{figure}{part}", kind) for figure in figures for part, kind in _OF_FIGURE]
    return pa.schema([*_COLUMNS, *own])


def written(
    pages: Iterable[Sequence[RunRow]], figures: Iterable[str], form: TableFormat, batch_rows: int
) -> Iterator[bytes]:
    """Yield the rows as one document, about ``batch_rows`` at a time; Parquet has groups of its own size."""
    if form is TableFormat.JSON_LINES:
        return _lines(pages)
    schema = schema_of(figures)
    tables = (pa.Table.from_pylist([_flat(row) for row in rows], schema=schema) for rows in pages)
    return tabular.write(tables, schema, form, GROUP_ROWS if form is TableFormat.PARQUET else batch_rows)


def _lines(pages: Iterable[Sequence[RunRow]]) -> Iterator[bytes]:
    for rows in pages:
        yield "".join(f"{row.model_dump_json()}\n" for row in rows).encode()


def _flat(row: RunRow) -> dict[str, Any]:
    """Return a row by the names of columns; what is left out is null."""
    return {
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        **{name: _json(getattr(row, name)) for name in ("parameters", "load", "engine", "labels")},
        "run": row.id,
        "taints": None if row.taints is None else " ".join(taint.rule for taint in row.taints),
        "window_s": None if row.measured is None else row.measured.window_s,
        **({} if row.experiment is None else _membership(row.experiment)),
        **({} if row.partition is None else _placement(row.partition)),
        **dict(chain.from_iterable(map(_of_figure, row.figures))),
    }


def _membership(experiment: RunExperiment) -> dict[str, Any]:
    return {
        "experiment": experiment.id,
        "cell": experiment.cell,
        "repeat": experiment.repeat,
        "role": str(experiment.role),
    }


def _placement(partition: RunPartition) -> dict[str, Any]:
    return {
        "node": partition.node,
        "partition_kind": str(partition.kind),
        "partition_profile": partition.profile,
        "partition_model": partition.model,
        "partition_uuid": partition.uuid,
        "gpu_uuid": partition.gpu_uuid,
    }


def _json(members: Mapping[str, Any] | None) -> str | None:
    return None if members is None else json.dumps(members, ensure_ascii=False, allow_nan=False)


def _of_figure(figure: ResultFigure) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a figure. Of an absent one there are unit and scope; the reason is in JSON lines alone."""
    yield figure.name, figure.value
    yield f"{figure.name}_unit", figure.unit
    yield f"{figure.name}_scope", str(figure.scope)
    if figure.interval is not None:
        yield f"{figure.name}_low", figure.interval.low
        yield f"{figure.name}_high", figure.interval.high
        yield f"{figure.name}_level", figure.interval.level
