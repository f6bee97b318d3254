"""The figures of an experiment as one tidy table: a row for each run and figure, the coordinates as columns.

A run without figures, and a cell without runs, have a row that says why, so that nothing is missing unseen. The matrix
of an experiment's probes is another such table: a row for each framework, task and partition.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from migperf.analysis.compatibility import CompatibilityMatrix
from migperf.analysis.csv_text import guarded
from migperf.analysis.experiments.axes import Axis, axes_of, label
from migperf.analysis.experiments.errors import MissingPackageError
from migperf.analysis.experiments.results import ExperimentResults, PlannedCell, Repeat, RunRow
from migperf.measure.figures import ResultFigure

if TYPE_CHECKING:
    import pandas as pd

_BEFORE = (("experiment", pa.string()), ("cell", pa.int64()))
_AFTER = (
    ("repeat", pa.int64()),
    ("attempt", pa.int64()),
    ("member", pa.int64()),
    ("role", pa.string()),
    ("run", pa.string()),
    ("state", pa.string()),
    ("node", pa.string()),
    ("partition_kind", pa.string()),
    ("partition_profile", pa.string()),
    ("partition_model", pa.string()),
    ("partition_uuid", pa.string()),
    ("simulated", pa.bool_()),
    ("taints", pa.string()),
    ("figure", pa.string()),
    ("unit", pa.string()),
    ("scope", pa.string()),
    ("value", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("level", pa.float64()),
    ("method", pa.string()),
    ("samples", pa.int64()),
    ("absent", pa.string()),
)
_COORDINATE = "axis."
_OF_MATRIX = pa.schema(
    [
        ("framework", pa.string()),
        ("task", pa.string()),
        ("partition", pa.string()),
        ("simulated", pa.bool_()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("version", pa.string()),
        ("device", pa.string()),
        ("probes", pa.int64()),
    ]
)


def tidy_table(results: ExperimentResults) -> pa.Table:
    """Return the table. Repeats count from 1, cells and members from 0; values are in ``unit``, ``level`` is 0 to 1.

    An axis is a column of its own name, or with ``axis.`` before it where a column is called so already. Numbers stay
    numbers; what is no number is written as text.
    """
    axes = axes_of([cell.coordinates for cell in results.cells])
    columns = column_names(axes)
    coordinates = [(columns[axis.path], _type(axis)) for axis in axes]
    schema = pa.schema([*_BEFORE, *coordinates, *_AFTER])
    return pa.Table.from_pylist(list(_rows(results, axes, columns)), schema=schema)


def tidy_rows(results: ExperimentResults) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table as mappings from the names of its columns."""
    axes = axes_of([cell.coordinates for cell in results.cells])
    yield from _rows(results, axes, column_names(axes))


def tidy_matrix(matrix: CompatibilityMatrix) -> pa.Table:
    """Return a row for each cell of the matrix; ``reason`` is null where the framework works."""
    rows = [
        {
            "framework": row.framework,
            "task": row.task,
            "partition": column.partition,
            "simulated": column.simulated,
            "verdict": str(cell.verdict),
            "reason": cell.reason,
            "version": cell.version,
            "device": cell.device,
            "probes": cell.probes,
        }
        for row in matrix.rows
        for column, cell in zip(matrix.columns, row.cells, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=_OF_MATRIX)


def column_names(axes: Sequence[Axis]) -> dict[str, str]:
    """Return the column of each axis, by the axis' path."""
    taken = {name for name, _ in (*_BEFORE, *_AFTER)}
    return {axis.path: f"{_COORDINATE}{axis.name}" if axis.name in taken else axis.name for axis in axes}


def to_csv(table: pa.Table) -> bytes:
    """Return the table as CSV with a heading, UTF-8; what is absent is an empty field, and no text is a formula."""
    outbox = io.BytesIO()
    arrow_csv.write_csv(guarded(table), outbox)
    return outbox.getvalue()


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as Parquet."""
    outbox = io.BytesIO()
    parquet.write_table(table, outbox)
    return outbox.getvalue()


def to_pandas(table: pa.Table) -> "pd.DataFrame":
    """Return the table as a data frame. Raises MissingPackageError where pandas is not installed."""
    try:
        import pandas as pd  # noqa: F401 - what pyarrow needs for it
    except ImportError as error:
        raise MissingPackageError("pandas", "notebook") from error
    return table.to_pandas()


def _rows(results: ExperimentResults, axes: Sequence[Axis], columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for cell in results.cells:
        coordinates = {columns[axis.path]: _coordinate(axis, cell.coordinates.get(axis.path)) for axis in axes}
        of_cell = {"experiment": results.id, "cell": cell.number, **coordinates}
        for row in _of_cell(cell, results.repeats_of(cell.number)):
            yield of_cell | row


def _of_cell(cell: PlannedCell, repeats: Sequence[Repeat]) -> Iterator[dict[str, Any]]:
    if not repeats:
        yield {"state": "skipped", "absent": cell.skipped or "it has no runs"}
    for repeat in repeats:
        for run in repeat.runs:
            of_run = _run(run)
            for figure in run.figures:
                yield of_run | _figure(figure)
            if not run.figures:
                yield of_run | {"absent": run.reason or f"the run is {run.state}"}


def _run(run: RunRow) -> dict[str, Any]:
    partition = None if run.place is None else run.place.partition
    return {
        "repeat": run.repeat + 1,
        "attempt": run.attempt,
        "member": run.member,
        "role": str(run.role),
        "run": run.id,
        "state": str(run.state),
        "node": None if run.place is None else run.place.node,
        "partition_kind": None if partition is None else str(partition.kind),
        "partition_profile": None if partition is None else partition.profile,
        "partition_model": None if partition is None else partition.model,
        "partition_uuid": None if partition is None else partition.uuid,
        "simulated": None if partition is None else partition.simulated,
        "taints": None if run.taints is None else ",".join(taint.rule for taint in run.taints),
    }


def _figure(figure: ResultFigure) -> dict[str, Any]:
    interval = figure.interval
    return {
        "figure": figure.name,
        "unit": figure.unit,
        "scope": str(figure.scope),
        "value": figure.value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": None if interval is None else interval.level,
        "method": figure.method if interval is None else interval.method,
        "samples": figure.samples,
        "absent": figure.absent,
    }


def _type(axis: Axis) -> pa.DataType:
    if not axis.is_numeric:
        return pa.string()
    return pa.int64() if all(isinstance(value, int) for value in axis.values) else pa.float64()


def _coordinate(axis: Axis, value: object) -> object:
    return value if axis.is_numeric else _in_full(value)


def _in_full(value: object) -> str | None:
    """Return a coordinate as text that tells it from all others; None where the cell has none."""
    return None if value is None else label(value, longest=None)
