"""The commands about series, against the real API: lists, summaries, samples as they come, and files."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from migperf.settings import Settings, load_settings
from migperf.store.database import Database
from tests.api import steps
from tests.cli.conftest import Cli

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which samples are looked for often."""
    return load_settings(data_dir=settings.data_dir, database_url=settings.database_url, samples_every_s=0.02)


@pytest.fixture(autouse=True)
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds the service by the environment."""
    monkeypatch.setenv("MIGPERF_URL", service_url)


def test_series_are_listed_with_why_one_is_absent(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    listed = cli("runs", "series", run_id).out
    assert "latency" in listed
    assert "the instance has no power sensor" in " ".join(listed.split())
    assert "measured from 2.000 s to 7.000 s" in listed
    document = cli("runs", "series", run_id, "--json").document
    assert [(item["name"], item["samples"]) for item in document["items"]] == [("latency", 100), ("power", 0)]


def test_one_series_is_csv_with_its_gaps(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    heading, *rows = csv.reader(io.StringIO(cli("runs", "series", run_id, "latency", "--end-s", "0.45").out))
    assert heading == ["time_s", "value [ms]", "measured", "gap"]
    assert [float(row[0]) for row in rows] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    absent = cli("runs", "series", run_id, "power").out
    assert list(csv.reader(io.StringIO(absent)))[1:] == [["0", "", "false", "the instance has no power sensor"]]


def test_one_series_is_json_if_asked_for(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    document = cli("runs", "series", run_id, "latency", "--json").document
    assert len(document["time_s"]) == len(document["value"]) == 100
    assert document["window"] == {"start_s": pytest.approx(2.0), "end_s": pytest.approx(7.0)}
    assert cli("runs", "series", run_id, "latency", "--format", "json").document == document
    power = cli("runs", "series", run_id, "power", "--json").document
    assert power["absent"] == {"state": "not_supported", "reason": steps.NO_SENSOR.reason}
    assert [gap["end_s"] for gap in power["gaps"]] == [None]


def test_one_series_is_downsampled_if_asked_for(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    document = cli("runs", "series", run_id, "latency", "--points", "10", "--method", "lttb", "--json").document
    assert (len(document["time_s"]), document["downsampled_from"], document["method"]) == (10, 100, "lttb")
    rows = cli("runs", "series", run_id, "latency", "--points", "10").out.splitlines()
    assert len(rows) <= 11
    refused = cli("runs", "series", run_id, "latency", "--points", "10", "--method", "mean")
    assert refused.status == 2
    assert "method" in refused.err


def test_one_series_becomes_a_file_whose_name_tells_the_format(cli: Cli, database: Database, tmp_path: Path) -> None:
    run_id = steps.measured(database)
    file = tmp_path / "latency.parquet"
    said = cli("runs", "series", run_id, "latency", "--out", str(file))
    assert (said.status, said.out) == (0, "")
    assert str(file) in said.err
    assert parquet.read_table(file).num_rows == 100
    other = tmp_path / "latency.data"
    assert (
        cli("runs", "series", run_id, "latency", "--out", str(other), "--format", "arrow", "--end-s", "1").status == 0
    )
    assert pa.ipc.open_stream(other.read_bytes()).read_all().num_rows == 11
    unknown = cli("runs", "series", run_id, "latency", "--out", str(tmp_path / "latency.xls"))
    assert unknown.status == 1
    assert ".parquet" in unknown.err


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["latency", "--format", "parquet"], "--out FILE"),
        (["latency", "--format", "xls"], "none of csv, json, arrow, parquet"),
        (["--points", "10"], "runs export"),
        (["--out", "x.csv"], "runs export"),
        (["latency", "--follow", "--summary"], "line by line"),
        (["latency", "--follow", "--start-s", "1"], "line by line"),
        (["--summary", "--format", "csv"], "--json only"),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(cli: Cli, options: list[str], remedy: str) -> None:
    said = cli("runs", "series", "any", *options)
    assert (said.status, said.out) == (2, "")
    assert remedy in " ".join(said.err.replace("│", " ").split())


def test_the_summary_tells_what_each_series_came_to_grouped_by_scope(
    cli: Cli, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = steps.measured(database, simulated=True)
    said = cli("runs", "series", run_id, "--summary").out
    heading, latency = said.splitlines()[:2]
    assert heading.split() == ["process:", "Mean", "Min", "Max", "p95", "p99", "Total", "Unit"]
    assert latency.split() == ["latency", "4.45", "4.20", "4.71", "4.68", "4.70", "–", "ms"]
    assert " ".join(said.partition("Not reported")[2].split()).startswith(
        f"power not_supported: {steps.NO_SENSOR.reason}"
    )
    assert "simulated" in said
    assert max(map(len, said.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "120")
    assert "p50" in cli("runs", "series", run_id, "--summary").out
    document = cli("runs", "series", run_id, "latency", "--summary", "--json").document
    assert [item["summary"]["p95"] for item in document["items"]] == [4.68]


def test_without_a_measured_window_there_is_nothing_to_sum_up(cli: Cli, database: Database) -> None:
    run_id = steps.submitted(database)
    steps.watched(database, run_id, steps.POWER, {0.1: 200.0})
    said = cli("runs", "series", run_id, "--summary")
    assert (said.status, said.out) == (0, "")
    assert "nothing was measured" in said.err


def test_samples_and_gaps_are_printed_as_they_come(cli: Cli, database: Database) -> None:
    run_id = steps.submitted(database)
    token = steps.begun(database, run_id)
    steps.watched(database, run_id, steps.POWER, {0.1: 200.0, 0.2: 201.5}, steps.gap(0.2, None, steps.LOST))
    steps.watched(database, run_id, steps.GRACT, {0.1: 90.0})

    def end() -> None:
        time.sleep(0.3)
        steps.watched(database, run_id, steps.POWER, {0.5: 202.0}, steps.gap(0.2, 0.5, steps.LOST))
        steps.finished(database, token)

    ending = threading.Thread(target=end)
    ending.start()
    said = cli("runs", "series", run_id, "power", "--follow")
    ending.join()
    assert said.out.splitlines() == [
        "0.100 s  power  200.0 W",
        "0.200 s  power  201.5 W",
        f"0.200 s  power  no values, lost: {steps.LOST.reason}",
        f"0.200 s  power  no values until 0.500 s, lost: {steps.LOST.reason}",
        "0.500 s  power  202.0 W",
        "the run has ended: succeeded",
    ]


def test_following_as_json_gives_one_event_a_line(cli: Cli, database: Database) -> None:
    run_id = steps.measured(database)
    said = cli("runs", "series", run_id, "--follow", "--json", "--points", "20")
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["event"] for event in events] == ["samples", "samples", "end"]
    assert (events[0]["name"], events[0]["downsampled_from"]) == ("latency", 100)
    assert 10 < len(events[0]["time_s"]) <= 20
    assert events[1]["gaps"][0]["reason"] == steps.NO_SENSOR.reason
    plain = cli("runs", "series", run_id, "latency", "--follow", "--points", "20").out
    assert plain.startswith("latency: 100 samples, downsampled to ")


def test_ctrl_c_while_following_leaves_the_run_alone_and_says_so(database: Database) -> None:
    run_id = steps.submitted(database)
    steps.watched(database, run_id, steps.POWER, {0.1: 200.0})
    command = [sys.executable, "-m", "migperf", "runs", "series", run_id, "--follow"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "200.0 W" in process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"migperf runs cancel {run_id}" in err


def test_a_run_is_exported_to_a_file_or_to_the_output(cli: Cli, database: Database, tmp_path: Path) -> None:
    run_id = steps.measured(database)
    file = tmp_path / "run.arrow"
    document = cli("runs", "export", run_id, "--out", str(file), "--json").document
    assert document == {"run_id": run_id, "file": str(file), "bytes": file.stat().st_size}
    assert pa.ipc.open_stream(file.read_bytes()).read_all().num_rows == 101
    rows = list(csv.DictReader(io.StringIO(cli("runs", "export", run_id, "--series", "power").out)))
    assert [(row["series"], row["value"], row["gap"]) for row in rows] == [("power", "", steps.NO_SENSOR.reason)]
    lines = cli("runs", "export", run_id, "--format", "json-lines").out.splitlines()
    assert json.loads(lines[0])["series"] == "latency"
    binary = cli("runs", "export", run_id, "--format", "parquet")
    assert binary.status == 2
    assert "--out FILE" in binary.err
    assert cli("runs", "export", "unknown", "--out", str(tmp_path / "no.csv")).status == 1
    assert not (tmp_path / "no.csv").exists()
