"""Tables: every form holds the same rows, gaps among them, and says what they are."""

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from api import series_table, tabular
from api.negotiation import preferred
from api.series_table import LongForm, schema_of, tables_of
from api.tabular import TableFormat, write
from migperf.metrics.series import Chunk, Gap
from migperf.metrics.summary import Window
from tests.api.steps import GRACT, LATENCY, LOST, POWER, STALLED

CHUNK = Chunk.of([1_000_000_000, 1_100_000_007, 2_000_000_000], [1.5, 2.5, 3.5])
GAPS = (Gap(1_100_000_007, 2_000_000_000, LOST), Gap(2_000_000_000, None, STALLED))
WINDOW = Window(1_050_000_000, 2_000_000_000)
ROWS = [
    {"time_s": 1.0, "value": 1.5, "measured": False, "gap": None},
    {"time_s": 1.100000007, "value": 2.5, "measured": True, "gap": None},
    {"time_s": 1.100000007, "value": None, "measured": True, "gap": LOST.reason},
    {"time_s": 2.0, "value": 3.5, "measured": True, "gap": None},
    {"time_s": 2.0, "value": None, "measured": True, "gap": STALLED.reason},
]


def as_bytes(form: TableFormat, chunk: Chunk = CHUNK, gaps: tuple[Gap, ...] = GAPS) -> bytes:
    schema = schema_of(POWER, {"run": "r", "simulated": "true"})
    return b"".join(write(tables_of(chunk, gaps, WINDOW, schema), schema, form))


def read_back(data: bytes, form: TableFormat) -> pa.Table:
    buffer = pa.BufferReader(data)
    return pa.ipc.open_stream(buffer).read_all() if form is TableFormat.ARROW else parquet.read_table(buffer)


@pytest.mark.parametrize("form", [TableFormat.ARROW, TableFormat.PARQUET])
def test_arrow_and_parquet_come_back_with_gaps_units_and_origin(form: TableFormat) -> None:
    table = read_back(as_bytes(form), form)
    assert table.to_pylist() == ROWS
    assert table.schema.field("value").metadata[b"unit"] == b"W"
    said = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
    assert said["run"] == "r"
    assert {
        "series": "power",
        "unit": "W",
        "scope": "gpu",
        "source": "nvml",
        "simulated": "true",
    }.items() <= said.items()


def test_csv_has_the_unit_in_its_heading_and_empty_cells_for_what_is_not_there() -> None:
    heading, *rows = csv.reader(io.StringIO(as_bytes(TableFormat.CSV).decode()))
    assert heading == ["time_s", "value [W]", "measured", "gap"]
    assert rows[1:3] == [["1.100000007", "2.5", "true", ""], ["1.100000007", "", "true", LOST.reason]]
    assert len(rows) == len(ROWS)


def test_json_lines_have_an_object_a_line() -> None:
    assert [json.loads(line) for line in as_bytes(TableFormat.JSON_LINES).splitlines()] == ROWS


@pytest.mark.parametrize("form", TableFormat)
def test_a_series_without_samples_is_a_table_without_rows(form: TableFormat) -> None:
    data = as_bytes(form, Chunk.joined(()), ())
    if form in (TableFormat.ARROW, TableFormat.PARQUET):
        table = read_back(data, form)
        assert (table.num_rows, table.column_names) == (0, ["time_s", "value", "measured", "gap"])
    else:
        assert data.decode() == ("time_s,value [W],measured,gap\n" if form is TableFormat.CSV else "")


def test_without_a_window_nobody_knows_what_was_measured() -> None:
    schema = schema_of(LATENCY, {})
    [table] = tables_of(CHUNK, (), None, schema)
    assert table["measured"].to_pylist() == [None] * 3


def test_what_is_no_number_has_no_value() -> None:
    schema = schema_of(LATENCY, {})
    [table] = tables_of(Chunk.of([1, 2, 3], [np.nan, np.inf, 1.0]), (), None, schema)
    assert table["value"].to_pylist() == [None, None, 1.0]


BATCH_ROWS = 1 << 12


@pytest.mark.parametrize("form", TableFormat)
def test_a_long_table_of_many_series_comes_in_pieces_and_back_whole(
    form: TableFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (series_table, tabular):
        monkeypatch.setattr(module, "BATCH_ROWS", BATCH_ROWS)
    long_form = LongForm.of([LATENCY, POWER, GRACT], {"run": "r"})
    long = Chunk.of(np.arange(2 * BATCH_ROWS + 3), np.arange(2 * BATCH_ROWS + 3) / 8)

    def tables() -> Iterator[pa.Table]:
        yield from long_form.tables_of(LATENCY, CHUNK, (), WINDOW)
        yield from long_form.tables_of(POWER, long, (), WINDOW)
        yield from long_form.tables_of(GRACT, CHUNK, GAPS, WINDOW)

    pieces = [piece for piece in write(tables(), long_form.schema, form) if piece]
    assert len(pieces) >= 3
    rows = _rows(b"".join(pieces), form)
    assert len(rows) == len(long) + 3 + len(ROWS)
    assert rows[0][:4] == ["latency", "ms", "process", "timer"]
    assert [float(row[5]) for row in rows[3 : 3 + len(long)]] == long.value.tolist()
    assert rows[-1][:4] == ["gract", "%", "instance", "gpm"]
    assert rows[-1][-1] == STALLED.reason


def _rows(data: bytes, form: TableFormat) -> list[list[object]]:
    match form:
        case TableFormat.CSV:
            return [list(row) for row in csv.reader(io.StringIO(data.decode()))][1:]
        case TableFormat.JSON_LINES:
            return [list(json.loads(line).values()) for line in data.splitlines()]
    return [list(row.values()) for row in read_back(data, form).to_pylist()]


TIMES = st.lists(st.integers(0, 10**12), max_size=50)


@given(TIMES, TIMES)
def test_rows_are_in_order_of_time_and_a_gap_stands_behind_the_sample_of_its_time(
    times: list[int], gap_starts: list[int]
) -> None:
    chunk = Chunk.of(sorted(times), np.ones(len(times)))
    gaps = [Gap(start, None, LOST) for start in sorted(set(gap_starts))]
    rows = [r for t in tables_of(chunk, gaps, None, schema_of(LATENCY, {})) for r in t.to_pylist()]
    keys = [(row["time_s"], row["gap"] is not None) for row in rows]
    assert keys == sorted(keys)
    assert sum(is_gap for _, is_gap in keys) == len(gaps)
    assert len(rows) == len(times) + len(gaps)


OFFERED = {"text/csv": "csv", "application/json": "json"}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "default"),
        ("*/*", "default"),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/json, text/csv", "json"),
        ("application/json;q=0.5, text/csv;q=0.9", "csv"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "default"),
        ("text/csv;q=0, application/json;q=0.1", "json"),
        ("text/csv;q=lots", "default"),
        ("image/png", "default"),
    ],
)
def test_the_form_that_is_liked_best_is_given(accept: str, expected: str) -> None:
    assert preferred(accept, OFFERED, "default") == expected


@pytest.mark.parametrize("form", TableFormat)
def test_pieces_without_rows_add_nothing(form: TableFormat) -> None:
    """An answer that ends with an empty piece had what lay in a buffer behind it."""
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    row, none = pa.Table.from_pylist([{"a": 1, "b": None}], schema=schema), pa.Table.from_pylist([], schema=schema)
    whole = b"".join(write([none, row, none], schema, form))
    assert whole == b"".join(write([row], schema, form))
    assert len(b"".join(write([none], schema, TableFormat.CSV))) == len("a,b\n")
