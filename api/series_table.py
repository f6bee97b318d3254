"""Series as tables: a row for each sample, and one for each gap at its start, so that no line is drawn across it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from api.tabular import BATCH_ROWS
from migperf.metrics.metric import NS_PER_S, Metric
from migperf.metrics.series import Chunk, Gap
from migperf.metrics.summary import Window

_NAMES = pa.dictionary(pa.int32(), pa.string())
_OWN_COLUMNS = ("series", "unit", "scope", "source")


def columns(unit: str | None) -> list[pa.Field]:
    """Return the columns of samples; ``unit`` is that of the values, None where it differs from row to row."""
    return [
        pa.field("time_s", pa.float64(), nullable=False, metadata={"unit": "s"}),
        pa.field("value", pa.float64(), metadata=None if unit is None else {"unit": unit}),
        pa.field("measured", pa.bool_()),
        pa.field("gap", pa.string()),
    ]


def schema_of(metric: Metric, about: Mapping[str, str]) -> pa.Schema:
    """Return the schema of one series; ``about`` says of which run it is, and goes into the metadata."""
    said = {"series": metric.name, "unit": metric.unit, "scope": str(metric.scope), "source": metric.source}
    return pa.schema(columns(metric.unit), metadata={**about, **said, "kind": str(metric.kind)})


def tables_of(chunk: Chunk, gaps: Sequence[Gap], window: Window | None, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield samples and gaps of one series by time, some rows at a time.

    ``measured`` is null without a window; a gap's row has no value but its reason.
    """
    time_ns, value, reason = _merged(chunk, gaps)
    measured = None if window is None else (time_ns >= window.start_ns) & (time_ns <= window.end_ns)
    for start in range(0, len(time_ns), BATCH_ROWS):
        part = slice(start, start + BATCH_ROWS)
        size = len(time_ns[part])
        yield pa.Table.from_arrays(
            [
                pa.array(time_ns[part] / NS_PER_S),
                pa.array(value[part], mask=~np.isfinite(value[part])),
                pa.nulls(size, pa.bool_()) if measured is None else pa.array(measured[part]),
                pa.array(reason[part], pa.string()),
            ],
            schema=schema,
        )


def _merged(chunk: Chunk, gaps: Sequence[Gap]) -> tuple["np.ndarray", "np.ndarray", "np.ndarray"]:
    """Return times, values (NaN for a gap) and reasons (None for a sample); a gap comes after a sample of its time."""
    starts = np.array([gap.start_ns for gap in gaps], np.int64)
    reasons = np.array([gap.absence.reason for gap in gaps], object)
    time_ns = np.concatenate([chunk.time_ns, starts])
    order = np.argsort(time_ns, kind="stable")
    value = np.concatenate([chunk.value, np.full(len(gaps), np.nan)])
    reason = np.concatenate([np.full(len(chunk), None, object), reasons])
    return time_ns[order], value[order], reason[order]


@dataclass(frozen=True, slots=True)
class LongForm:
    """The table of many series: what tells them apart is in every row, as numbers of a list of names."""

    schema: pa.Schema
    _names: Mapping[str, pa.Array]

    @classmethod
    def of(cls, metrics: Sequence[Metric], about: Mapping[str, str]) -> Self:
        """Return the form for these series of one run."""
        fields = [pa.field(name, _NAMES, nullable=False) for name in _OWN_COLUMNS]
        names = {column: pa.array(_distinct(metrics, column), pa.string()) for column in _OWN_COLUMNS}
        return cls(pa.schema([*fields, *columns(None)], metadata=dict(about)), names)

    def tables_of(self, metric: Metric, chunk: Chunk, gaps: Sequence[Gap], window: Window | None) -> Iterator[pa.Table]:
        """Yield one of the series."""
        for table in tables_of(chunk, gaps, window, pa.schema(columns(None))):
            own = [self._repeated(column, metric, table.num_rows) for column in _OWN_COLUMNS]
            yield pa.Table.from_arrays([*own, *table.columns], schema=self.schema)

    def _repeated(self, column: str, metric: Metric, times: int) -> pa.Array:
        names = self._names[column]
        index = names.index(_own(metric, column)).as_py()
        return pa.DictionaryArray.from_arrays(pa.array(np.full(times, index, np.int32)), names)


def _distinct(metrics: Sequence[Metric], column: str) -> list[str]:
    return sorted({_own(metric, column) for metric in metrics})


def _own(metric: Metric, column: str) -> str:
    return str(getattr(metric, "name" if column == "series" else column))
