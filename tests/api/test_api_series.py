"""Series over HTTP: what there is, page by page, downsampled, as tables, and always with the gaps."""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from api.series_export import RunChangedError, RunExport
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.store import series
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import (
    GRACT,
    LATENCY,
    LOST,
    NO_SENSOR,
    POWER,
    STALLED,
    begun,
    both_databases,
    gap,
    measured,
    requeued,
    submitted,
    watched,
)

ABSENT = {"state": "not_supported", "reason": NO_SENSOR.reason}
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"


def wavy(database: Database, samples: int = 100_000) -> str:
    """Store a run with one long series that has a single peak and a single dip, and return its id."""
    run_id = submitted(database)
    value = np.sin(np.arange(samples) / 700)
    value[54_321], value[54_322] = 100.0, -100.0
    with database.write() as session:
        chunk = Chunk.of(np.arange(samples) * 1_000_000, value)
        series.append(session, run_id, [SeriesUpdate(POWER, chunk, (gap(20, 21, LOST),))], clock_zero_ns=0)
    return run_id


@both_databases
def test_series_are_listed_with_what_they_are_and_came_to_and_why_one_is_absent(
    client: TestClient, database: Database
) -> None:
    run_id = measured(database)
    listed = client.get(f"/v1/runs/{run_id}/series").json()
    assert (listed["window"], listed["simulated"]) == ({"start_s": 2.0, "end_s": 7.0}, False)
    latency, power = listed["items"]
    summary = latency.pop("summary")
    assert latency == {
        "name": "latency",
        "unit": "ms",
        "scope": "process",
        "source": "timer",
        "kind": "gauge",
        "period_ms": None,
        "samples": 100,
        "absent": None,
        "thinned_from": None,
        "url": f"/v1/runs/{run_id}/series/latency",
    }
    assert (summary["mean"], summary["p99"], summary["total"], summary["absent"]) == (4.454, 4.7, None, None)
    assert (power["samples"], power["absent"]) == (0, ABSENT)
    assert (power["summary"]["mean"], power["summary"]["absent"]) == (None, NO_SENSOR.reason)
    assert client.get(latency["url"]).status_code == 200


def test_a_series_of_a_run_that_goes_on_has_no_summary_yet(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    watched(database, run_id, GRACT, {0.1: 90.0})
    listed = client.get(f"/v1/runs/{run_id}/series").json()
    assert listed["window"] is None
    [gract] = listed["items"]
    assert (gract["kind"], gract["period_ms"], gract["summary"]) == ("average", 100.0, None)


@both_databases
def test_a_series_has_times_in_seconds_since_the_run_started(client: TestClient, database: Database) -> None:
    shown = client.get(f"/v1/runs/{measured(database)}/series/latency").json()
    assert shown["time_s"] == [i / 10 for i in range(100)]
    assert (shown["value"][0], shown["value"][-1]) == (4.0, 5.0)
    assert (shown["unit"], shown["window"], shown["next_start_s"]) == ("ms", {"start_s": 2.0, "end_s": 7.0}, None)
    assert (shown["downsampled_from"], shown["method"], shown["gaps"]) == (None, None, [])


def test_a_series_that_was_never_read_is_one_gap_with_its_reason(client: TestClient, database: Database) -> None:
    shown = client.get(f"/v1/runs/{measured(database)}/series/power").json()
    assert (shown["absent"], shown["time_s"]) == (ABSENT, [])
    assert shown["gaps"] == [{"start_s": 0.0, "end_s": None, **ABSENT}]


def test_both_ends_of_the_asked_time_are_in_it(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    shown = client.get(f"/v1/runs/{run_id}/series/latency", params={"start_s": 2, "end_s": 2.3}).json()
    assert shown["time_s"] == [2.0, 2.1, 2.2, 2.3]
    beyond = client.get(f"/v1/runs/{run_id}/series/latency", params={"start_s": 1e9}).json()
    assert (beyond["time_s"], beyond["next_start_s"]) == ([], None)


@both_databases
def test_the_gaps_that_touch_the_asked_time_come_with_it(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    gaps = (gap(1, 3, STALLED), gap(5, 6, LOST), gap(8, None, LOST))
    watched(database, run_id, POWER, {1: 10.0, 3: 11.0, 5: 12.0, 6: 13.0, 8: 14.0}, *gaps)

    def starts(**query: float) -> list[float]:
        shown = client.get(f"/v1/runs/{run_id}/series/power", params=query).json()
        return [g["start_s"] for g in shown["gaps"]]

    assert starts() == [1, 5, 8]
    assert starts(start_s=2, end_s=4) == [1]
    assert starts(start_s=5.5) == [5, 8]
    assert starts(start_s=100) == [8]
    assert starts(limit=1) == [1]
    assert starts(start_s=2, end_s=7, points=10) == [1, 5]
    whole = client.get(f"/v1/runs/{run_id}/series/power").json()["gaps"]
    assert whole[1] == {"start_s": 5.0, "end_s": 6.0, "state": "lost", "reason": LOST.reason}
    assert whole[2]["end_s"] is None


@both_databases
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_of_a_series_neither_skip_nor_repeat_even_where_samples_share_a_time(
    client: TestClient, database: Database, limit: int
) -> None:
    run_id = submitted(database)
    times = np.repeat(np.array([1, 3, 3_000_000_007, 86_400_000_000_001, 604_800_000_000_003]), [1, 2, 5, 1, 3])
    with database.write() as session:
        for start in range(0, len(times), 4):
            part = slice(start, start + 4)
            values = np.arange(len(times), dtype=float)[part]
            series.append(session, run_id, [SeriesUpdate(LATENCY, Chunk(times[part], values))], clock_zero_ns=0)
    values, query = [], {"limit": str(limit)}
    while True:
        page = client.get(f"/v1/runs/{run_id}/series/latency", params=query).json()
        values += page["value"]
        if page["next_start_s"] is None:
            break
        query["start_s"] = repr(page["next_start_s"])
    assert values == list(range(len(times)))


@both_databases
@pytest.mark.parametrize("method", [None, "min_max", "min_max_lttb"])
def test_a_downsampled_series_keeps_its_extremes_and_says_what_it_stands_for(
    client: TestClient, database: Database, method: str | None
) -> None:
    query = {"points": 400, **({"method": method} if method else {})}
    shown = client.get(f"/v1/runs/{wavy(database)}/series/power", params=query).json()
    assert 100 < len(shown["time_s"]) <= 400
    assert (shown["downsampled_from"], shown["method"]) == (100_000, method or "min_max")
    assert shown["next_start_s"] is None
    assert shown["time_s"] == sorted(shown["time_s"])
    assert [g["start_s"] for g in shown["gaps"]] == [20]
    if method != "min_max_lttb":
        assert (max(shown["value"]), min(shown["value"])) == (100.0, -100.0)


def test_a_part_of_a_series_is_downsampled_from_that_part(client: TestClient, database: Database) -> None:
    query = {"points": 100, "start_s": 50, "end_s": 60, "method": "lttb"}
    shown = client.get(f"/v1/runs/{wavy(database)}/series/power", params=query).json()
    assert (shown["downsampled_from"], shown["method"]) == (10_001, "lttb")
    assert 50 <= shown["time_s"][0] <= shown["time_s"][-1] <= 60


def test_a_series_of_few_samples_is_not_downsampled(client: TestClient, database: Database) -> None:
    shown = client.get(f"/v1/runs/{measured(database)}/series/latency", params={"points": 500}).json()
    assert (len(shown["time_s"]), shown["downsampled_from"], shown["method"]) == (100, None, None)


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ("limit=0", "greater than or equal to 1"),
        ("limit=100001", "less than or equal to 100000"),
        ("start_s=nan", ""),
        ("end_s=inf", ""),
        ("start_s=1e300", ""),
        ("from=2", "check its spelling"),
        ("points=1", "greater than or equal to 2"),
        ("points=20001", "less than or equal to 20000"),
        ("points=100&limit=5", "not both"),
        ("method=lttb", "give points"),
        ("method=mean&points=9", "'min_max'"),
        ("format=xls", "'parquet'"),
        ("limit=5&format=csv", "no pages"),
    ],
)
def test_an_impossible_part_of_a_series_is_refused_with_the_remedy(
    client: TestClient, database: Database, query: str, remedy: str
) -> None:
    answer = client.get(f"/v1/runs/{measured(database)}/series/latency?{query}")
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, query.partition("=")[0])
    assert remedy in error["detail"]


def test_an_unknown_series_is_a_problem(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    for path in ("series/nothing", "series/nothing?points=9", "series/nothing?format=csv", "samples?name=nothing"):
        answer = client.get(f"/v1/runs/{run_id}/{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), path
        assert "'nothing'; there are: " in answer.json()["detail"]


@both_databases
@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_one_series_as_a_table_equals_the_series_gaps_included(
    client: TestClient, database: Database, form: str
) -> None:
    run_id = submitted(database)
    begun(database, run_id, simulated=True)
    watched(database, run_id, POWER, {0.5: 10.0, 1.0: 11.0, 3.0: 12.0}, gap(1, 3, STALLED), gap(3, None, LOST))
    answer = client.get(f"/v1/runs/{run_id}/series/power", params={"format": form})
    assert answer.headers["Content-Type"] == {"arrow": ARROW, "parquet": PARQUET}[form]
    name = f"{run_id}-simulated-power.{form}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    table = read(answer.content, form)
    assert [(r["time_s"], r["value"], r["gap"]) for r in table.to_pylist()] == [
        (0.5, 10.0, None),
        (1.0, 11.0, None),
        (1.0, None, STALLED.reason),
        (3.0, 12.0, None),
        (3.0, None, LOST.reason),
    ]
    said = table.schema.metadata
    assert (said[b"run"], said[b"simulated"], said[b"unit"], said[b"scope"]) == (run_id.encode(), b"true", b"W", b"gpu")


def test_a_table_can_be_a_part_and_downsampled_and_says_so(client: TestClient, database: Database) -> None:
    run_id = wavy(database)
    whole = read(client.get(f"/v1/runs/{run_id}/series/power", params={"format": "arrow"}).content, "arrow")
    assert whole.num_rows == 100_001
    query = {"format": "arrow", "points": 100, "end_s": 60}
    part = read(client.get(f"/v1/runs/{run_id}/series/power", params=query).content, "arrow")
    assert part.num_rows <= 101
    assert max(v for v in part["value"].to_pylist() if v is not None) == 100.0
    assert (part.schema.metadata[b"downsampled_from"], part.schema.metadata[b"method"]) == (b"60001", b"min_max")


def test_the_header_accept_chooses_the_form_unless_the_url_does(client: TestClient, database: Database) -> None:
    path = f"/v1/runs/{measured(database)}/series/latency"
    csv_form = client.get(path, headers={"Accept": "text/csv"})
    heading, *rows = csv.reader(io.StringIO(csv_form.text))
    assert heading == ["time_s", "value [ms]", "measured", "gap"]
    assert [row[2] for row in rows] == [str(2.0 <= i / 10 <= 7.0).lower() for i in range(100)]
    assert csv_form.headers["Vary"] == "Accept"
    assert csv_form.headers["Content-Type"].startswith("text/csv")
    both = client.get(f"{path}?format=json", headers={"Accept": "text/csv"})
    assert both.json()["name"] == "latency"
    assert client.get(path, headers={"Accept": PARQUET}).content[:4] == b"PAR1"


@both_databases
def test_all_samples_of_a_run_are_one_table(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, GRACT, {0.1: 90.0, 0.2: 91.0}, gap(0.2, None, LOST))
    whole = client.get(f"/v1/runs/{run_id}/samples", params={"format": "parquet"})
    assert whole.headers["Content-Disposition"] == f'attachment; filename="{run_id}-samples.parquet"'
    table = read(whole.content, "parquet")
    rows = table.to_pylist()
    assert [r["series"] for r in rows] == ["gract"] * 3 + ["latency"] * 100 + ["power"]
    assert (rows[0]["unit"], rows[0]["scope"], rows[0]["source"]) == ("%", "instance", "gpm")
    assert (rows[2]["value"], rows[2]["gap"]) == (None, LOST.reason)
    assert rows[-1]["gap"] == NO_SENSOR.reason
    assert sum(r["measured"] for r in rows if r["series"] == "latency") == 51
    said = table.schema.metadata
    assert (said[b"run"], said[b"simulated"], said[b"window_end_s"]) == (run_id.encode(), b"false", b"7.0")


def test_some_series_can_be_had_in_the_order_asked_for(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    watched(database, run_id, GRACT, {0.1: 90.0})
    answer = client.get(f"/v1/runs/{run_id}/samples?format=json-lines&name=power&name=gract&name=power")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [(r["series"], r["value"]) for r in rows] == [("power", None), ("gract", 90.0)]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Content-Disposition"].endswith('-samples.jsonl"')
    plain = client.get(f"/v1/runs/{run_id}/samples")
    assert plain.text.startswith("series,unit,scope,source,time_s,value,measured,gap\n")


def test_a_run_without_series_exports_an_empty_table(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    answer = client.get(f"/v1/runs/{run_id}/samples?format=arrow")
    table = read(answer.content, "arrow")
    assert (table.num_rows, table.num_columns) == (0, 8)


def test_an_export_that_meets_another_attempt_breaks_off(database: Database, settings: object) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    for metric in (GRACT, POWER):
        watched(database, run_id, metric, {0.1: 1.0})
    with database.read() as session:
        export = RunExport.of(database, session, run_id, ())
    tables = export.tables()
    assert next(tables).num_rows == 1
    requeued(database, token)
    with pytest.raises(RunChangedError, match="queued again"):
        next(tables)


def read(data: bytes, form: str) -> pa.Table:
    buffer = pa.BufferReader(data)
    return pa.ipc.open_stream(buffer).read_all() if form == "arrow" else parquet.read_table(buffer)
