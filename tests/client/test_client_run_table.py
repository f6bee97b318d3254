"""The table of runs through the client: the filters reach the service, and a file is whole or not there."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from migperf.client import ApiNotFoundError, Client, RequestRefusedError
from migperf.store.database import Database
from tests.api import steps


def test_the_runs_that_filters_leave_are_written_in_their_order(client: Client, database: Database) -> None:
    first = steps.measured(database, labels={"team": "x"})
    second = steps.submitted(database, steps.NOW + timedelta(hours=1), labels={"team": "x"})
    steps.submitted(database, workload="resnet18")
    file = io.BytesIO()
    size = client.export_runs(file, "csv", ["latency_mean"], labels={"team": "x"}, sort="created_at")
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert size == len(file.getvalue())
    assert [(row["run"], row["latency_mean"]) for row in rows] == [(first, "4.51832"), (second, "")]
    file = io.BytesIO()
    client.export_runs(file, "json-lines", ids=[second])
    assert file.getvalue().count(b"\n") == 1


def test_a_named_file_tells_the_format_and_appears_when_it_is_whole(
    client: Client, database: Database, tmp_path: Path
) -> None:
    run_id = steps.measured(database)
    client.export_runs(tmp_path / "runs.parquet", state=["succeeded"])
    assert parquet.read_table(tmp_path / "runs.parquet")["run"].to_pylist() == [run_id]
    with pytest.raises(ApiNotFoundError):
        client.export_runs(tmp_path / "none.csv", experiment="none")
    with pytest.raises(RequestRefusedError, match="figure"):
        client.export_runs(tmp_path / "none.csv", figures=["state"])
    assert [file.name for file in tmp_path.glob("none*")] == []


def test_listing_takes_ids_too(client: Client, database: Database) -> None:
    first, _ = steps.submitted(database), steps.submitted(database)
    assert [run.id for run in client.runs(ids=[first])] == [first]
