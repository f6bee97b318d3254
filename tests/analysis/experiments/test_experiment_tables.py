"""Tidy tables and summaries: every run and figure once, coordinates as columns, nothing missing unseen."""

import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from migperf.analysis.experiments.results import experiment_results
from migperf.analysis.experiments.summary import ExperimentSummary, summary
from migperf.analysis.experiments.tidy import tidy_table, to_csv, to_pandas, to_parquet
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.analysis.experiments.made_experiments import Ending, cell, figure, made, throughput
from tests.api.steps import TAINT
from tests.databases import BACKENDS

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CELLS = [
    cell(**{"benchmark.parameters.batch_size": 1, "state": "warm"}),
    cell(**{"benchmark.parameters.batch_size": 2, "state": "cold"}),
    cell(**{"benchmark.parameters.batch_size": 4, "state": "cold"}, skipped="excluded"),
]


def told(run: Any, group: Any, coordinates: Any) -> Ending:
    if coordinates["state"] == "cold":
        return Ending(state=RunState.DOES_NOT_FIT, reason="too large")
    absent = figure("latency_p99", None, absent="needs at least 459 steps")
    return Ending([throughput(100.0 + group.repeat), absent], taints=[TAINT.model_dump()])


@pytest.fixture
def experiment_id(database: Database) -> str:
    return made(database, CELLS, told, repeats=2)


@pytest.fixture
def table(database: Database, experiment_id: str) -> pa.Table:
    with database.read() as session:
        return tidy_table(experiment_results(session, experiment_id))


@SQLITE
def test_each_run_and_figure_has_one_row_and_what_is_missing_has_one_too(table: pa.Table) -> None:
    rows = table.to_pylist()
    assert [(row["cell"], row["repeat"], row["figure"], row["absent"]) for row in rows] == [
        (0, 1, "throughput", None),
        (0, 1, "latency_p99", "needs at least 459 steps"),
        (0, 2, "throughput", None),
        (0, 2, "latency_p99", "needs at least 459 steps"),
        (1, 1, None, "too large"),
        (1, 2, None, "too large"),
        (2, None, None, "excluded"),
    ]
    first = rows[0]
    assert (first["batch_size"], first["axis.state"], first["state"]) == (1, "warm", "succeeded")
    assert (first["value"], first["unit"], first["low"], first["high"], first["level"]) == (
        100.0,
        "sample/s",
        99.0,
        101.0,
        0.95,
    )
    assert (first["taints"], first["partition_kind"], first["simulated"]) == ("busy_neighbours", "cpu", False)


@SQLITE
def test_numbers_stay_numbers(table: pa.Table) -> None:
    assert table.schema.field("batch_size").type == pa.int64()
    assert table.schema.field("axis.state").type == pa.string()


@SQLITE
def test_csv_and_parquet_have_what_the_table_has(table: pa.Table) -> None:
    assert parquet.read_table(io.BytesIO(to_parquet(table))).equals(table)
    again = csv.read_csv(io.BytesIO(to_csv(table)))
    assert again.column_names == table.column_names
    assert again["value"].to_pylist() == table["value"].to_pylist()


@SQLITE
def test_notebooks_get_a_data_frame(table: pa.Table) -> None:
    pytest.importorskip("pandas")
    frame = to_pandas(table)
    assert frame.groupby("figure")["value"].mean()["throughput"] == 100.5


@pytest.mark.parametrize("database_url", BACKENDS, indirect=True)
def test_a_summary_survives_json(database: Database) -> None:
    experiment_id = made(database, CELLS, told, repeats=2)
    with database.read() as session:
        found = summary(experiment_results(session, experiment_id))
    assert ExperimentSummary.model_validate_json(found.model_dump_json()) == found
    assert [one.state for one in found.cells] == ["complete", "missing", "skipped"]
    assert [axis.name for axis in found.axes] == ["batch_size", "state"]
    (value, absent) = found.cells[0].figures
    assert (value.value, value.repeats, value.tainted) == (100.5, 2, True)
    assert absent.absent == "needs at least 459 steps"
