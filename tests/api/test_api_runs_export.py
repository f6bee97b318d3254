"""Runs as one table: all that the filters leave, the same in every form, nothing made up, and no formula among it."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from api import run_columns, run_table
from api.links import Links
from api.run_columns import schema_of, written
from api.run_table import RunTable
from api.schemas.queries import HEADLINE_FIGURES, RunTableQuery
from api.schemas.table_example import CSV
from api.schemas.table_rows import EXAMPLE, RunRow
from api.tabular import TableFormat
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope
from migperf.store import runs
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.api.html_validity import faults
from tests.api.serving import TestClient
from tests.api.steps import NOW, TAINT, begun, both_databases, examined, finished, measured, submitted
from tests.databases import counted_statements

EXAMPLE_ROW = RunRow.model_validate(EXAMPLE)
FIGURES = ("throughput", "latency_p99")
FORMULAS = tuple("=+-@\t\r\n'＋－＝＠")


def as_text(rows: Iterable[Sequence[RunRow]], form: TableFormat, figures: Sequence[str] = FIGURES) -> str:
    return b"".join(written(rows, figures, form, 2)).decode()


def unguarded(cell: str) -> str:
    return cell.removeprefix("'")


def parsed(text: str) -> list[dict[str, str]]:
    return [
        {name: unguarded(cell) for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
    ]


def table(client: TestClient, **query: Any) -> list[dict[str, str]]:
    answer = client.get("/v1/runs/table", params=query)
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


def lines(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/v1/runs/table", params={"format": "json-lines", **query})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
led_texts = st.one_of(texts, st.builds("{}{}".format, st.sampled_from(FORMULAS), texts))
numbers = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
intervals = st.builds(Interval, low=numbers, high=numbers, level=st.just(0.95), method=st.just("batch means"))


@st.composite
def figures(draw: st.DrawFn) -> ResultFigure:
    about = {"name": draw(st.sampled_from(FIGURES)), "unit": draw(led_texts), "scope": draw(st.sampled_from(Scope))}
    if draw(st.booleans()):
        return ResultFigure(**about, absent=draw(led_texts))
    return ResultFigure(**about, value=draw(numbers), interval=draw(st.none() | intervals))


changes = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(RunState),
        "reason": st.none() | led_texts,
        "workload": led_texts,
        "simulated": st.sampled_from((None, True, False)),
        "tainted": st.sampled_from((None, True, False)),
        "taints": st.sampled_from((None, [], [TAINT], [TAINT, TAINT])),
        "parameters": st.dictionaries(texts, st.none() | numbers | led_texts | st.lists(st.integers()), max_size=3),
        "labels": st.dictionaries(led_texts, led_texts, max_size=3),
        "experiment": st.sampled_from((None, EXAMPLE_ROW.experiment)),
        "partition": st.sampled_from((None, EXAMPLE_ROW.partition)),
        "priority": st.integers(-1000, 1000),
        "created_at": moments,
        "started_at": st.none() | moments,
        "duration_s": st.none() | numbers,
        "measured": st.sampled_from((None, EXAMPLE_ROW.measured)),
        "figures": st.lists(figures(), max_size=2, unique_by=lambda figure: figure.name),
    },
)


def same_text(cell: str, told: str | None) -> bool:
    return cell == ("" if told is None else told)


def same_number(cell: str, told: float | None) -> bool:
    return cell == "" if told is None else float(cell) == told


def same_truth(cell: str, told: bool | None) -> bool:
    return cell == {None: "", True: "true", False: "false"}[told]


def same_moment(cell: str, told: str | None) -> bool:
    return cell == "" if told is None else datetime.fromisoformat(cell) == datetime.fromisoformat(told)


def agrees(row: dict[str, str], line: dict[str, Any]) -> None:
    place, own, known = line["partition"] or {}, line["experiment"] or {}, {one["name"]: one for one in line["figures"]}
    texts_told = {
        **{name: line[name] for name in ("state", "reason", "workload", "scenario", "fingerprint")},
        **{f"partition_{name}": place.get(name) for name in ("kind", "profile", "model", "uuid")},
        "run": line["id"],
        "taints": line["taints"] and " ".join(taint["rule"] for taint in line["taints"]),
        "experiment": own.get("id"),
        "role": own.get("role"),
        "node": place.get("node"),
        "gpu_uuid": place.get("gpu_uuid"),
    }
    numbers_told = {
        **{name: line[name] for name in ("priority", "attempt", "duration_s")},
        "cell": own.get("cell"),
        "repeat": own.get("repeat"),
        "window_s": line["measured"] and line["measured"]["window_s"],
    }
    for name in FIGURES:
        figure = known.get(name) or {}
        interval = figure.get("interval") or {}
        texts_told |= {f"{name}_{part}": figure.get(part) for part in ("unit", "scope")}
        numbers_told |= {f"{name}_{part}": interval.get(part) for part in ("low", "high", "level")}
        numbers_told[name] = figure.get("value")
    moments_told = {name: line[name] for name in ("created_at", "started_at", "finished_at")}
    truths_told = {name: line[name] for name in ("simulated", "tainted")}
    documents = {name: line[name] for name in ("parameters", "load", "engine", "labels")}
    assert all(same_text(row[name], told or None) for name, told in texts_told.items()), (row, line)
    assert all(same_number(row[name], told) for name, told in numbers_told.items()), (row, line)
    assert all(same_moment(row[name], told) for name, told in moments_told.items()), (row, line)
    assert all(same_truth(row[name], told) for name, told in truths_told.items()), (row, line)
    assert all((json.loads(row[name]) if row[name] else None) == told for name, told in documents.items()), (row, line)
    assert set(row) == {*texts_told, *numbers_told, *moments_told, *truths_told, *documents}, "no column is forgotten"


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(changes, max_size=3), max_size=3))
def test_parsing_the_csv_gives_back_what_json_says(pages: list[list[dict[str, Any]]]) -> None:
    rows = [[EXAMPLE_ROW.model_copy(update=change) for change in page] for page in pages]
    told = [json.loads(line) for line in as_text(rows, TableFormat.JSON_LINES).split("\n") if line]
    found = parsed(as_text(rows, TableFormat.CSV))
    assert len(found) == len(told) == sum(map(len, rows))
    for row, line in zip(found, told, strict=True):
        agrees(row, line)


@settings(deadline=None, max_examples=150)
@given(st.lists(changes, max_size=4))
def test_no_text_of_the_csv_is_a_formula_and_numbers_stay_numbers(given_changes: list[dict[str, Any]]) -> None:
    text = as_text([[EXAMPLE_ROW.model_copy(update=change) for change in given_changes]], TableFormat.CSV)
    numeric = {
        field.name
        for field in schema_of(FIGURES)
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
    }
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        for name, cell in row.items():
            if name in numeric:
                assert not cell.startswith("'")
            else:
                assert not cell.startswith(FORMULAS[:-5] + FORMULAS[-4:]), (name, cell)


@both_databases
def test_all_that_the_filters_leave_is_in_the_table_in_the_order_asked_for(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_table, "RUNS_AT_ONCE", 2)
    stored = [submitted(database, NOW + timedelta(seconds=n), priority=n % 2) for n in range(7)]
    other = submitted(database, workload="resnet18", labels={"team": "x"})
    assert [row["run"] for row in table(client, workload="test-step")] == stored[::-1]
    by_priority = sorted(stored, key=lambda run_id: (stored.index(run_id) % 2, run_id))
    assert [row["run"] for row in table(client, workload="test-step", sort="priority")] == by_priority
    assert [line["id"] for line in lines(client, workload="test-step", sort="priority")] == by_priority
    assert [row["run"] for row in table(client, label="team=x")] == [other]
    assert {row["run"] for row in table(client, id=[stored[3], other])} == {stored[3], other}
    assert table(client, workload="none") == []


@both_databases
def test_what_is_absent_is_empty_in_csv_and_has_its_reason_in_json(client: TestClient, database: Database) -> None:
    run_id = examined(database, TAINT, simulated=True, labels={"commit": "=4f1c"})
    queued = submitted(database, NOW + timedelta(hours=1))
    asked = {"figure": ["latency_mean", "latency_p99", "throughput"]}
    waits, row = table(client, **asked)
    assert (waits["run"], waits["state"], waits["simulated"], waits["tainted"], waits["duration_s"]) == (
        *(queued, "queued", "", "", ""),
    )
    assert (row["run"], row["simulated"], row["tainted"], row["taints"]) == (run_id, "true", "true", "busy_neighbours")
    assert (row["latency_mean"], row["latency_mean_unit"], row["latency_mean_scope"]) == ("4.51832", "ms", "process")
    assert (row["latency_mean_low"], row["latency_mean_level"]) == ("4.5023", "0.95")
    assert (row["latency_p99"], row["latency_p99_unit"]) == ("", "ms")
    assert (row["throughput"], row["throughput_unit"]) == ("", ""), "its result has no such figure"
    assert float(row["duration_s"]) == 8.0
    assert json.loads(row["labels"]) == {"commit": "=4f1c"}
    _, line = lines(client, **asked)
    assert line["simulated"] is True
    assert [(one["name"], one["value"], one["absent"]) for one in line["figures"]] == [
        ("latency_mean", 4.51832, None),
        ("latency_p99", None, "needs at least 300 steps"),
    ]
    assert line["taints"] == [TAINT.model_dump()]


@pytest.mark.parametrize("form", [TableFormat.ARROW, TableFormat.PARQUET])
def test_arrow_and_parquet_have_types(client: TestClient, database: Database, form: TableFormat) -> None:
    run_id = measured(database)
    answer = client.get("/v1/runs/table", params={"format": form, "figure": "latency_mean"})
    buffer = pa.BufferReader(answer.content)
    found = pa.ipc.open_stream(buffer).read_all() if form is TableFormat.ARROW else parquet.read_table(buffer)
    (row,) = found.to_pylist()
    assert (row["run"], row["latency_mean"], row["created_at"]) == (run_id, 4.51832, NOW)
    assert row["simulated"] is False


def test_a_large_table_arrives_piece_by_piece_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the first piece of a table gives up after some time."""
    monkeypatch.setattr(run_columns, "GROUP_ROWS", 3)
    pages = [[EXAMPLE_ROW] * 2] * 6
    for form in TableFormat:
        assert len([piece for piece in written(pages, FIGURES, form, 3) if piece]) >= 3, form


def test_the_answer_is_a_file_whose_form_the_header_may_choose(client: TestClient, database: Database) -> None:
    measured(database)
    answer = client.get("/v1/runs/table")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="runs-20')
    heading = answer.text.splitlines()[0].split(",")
    assert [name for name in heading if name in HEADLINE_FIGURES] == list(HEADLINE_FIGURES)
    answer = client.get("/v1/runs/table", headers={"Accept": "application/x-ndjson"})
    assert json.loads(answer.text)["state"] == "succeeded"


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("limit=5", 422, "limit"),
        ("cursor=x", 422, "cursor"),
        ("format=xls", 422, "format"),
        ("state=none", 422, "state"),
        ("figure=state", 422, "figure"),
        ("figure=latency_p50&figure=latency_p50_unit", 422, "figure"),
        ("figure==1%2B1", 422, "figure"),
        ("experiment=none", 404, None),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_before_it_begins(
    client: TestClient, query: str, status: int, field: str | None
) -> None:
    answer = client.get(f"/v1/runs/table?{query}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert answer.json()["errors"][0]["field"].startswith(field)


@both_databases
def test_a_table_is_read_while_it_is_taken_and_no_reader_keeps_a_transaction_open(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_table, "RUNS_AT_ONCE", 2)
    stored = [submitted(database, NOW + timedelta(seconds=n)) for n in range(6)]
    found = RunTable.of(database, RunTableQuery(), Links(""))
    with counted_statements(database) as before:
        pieces = found.pieces(TableFormat.JSON_LINES)
        first = next(pieces)
    assert before == [], "the first rows were read when the answer began"
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    with database.write() as session:
        runs.request_cancel(session, stored[1], NOW)
        runs.delete(session, stored[1])
    with counted_statements(database) as meanwhile:
        second = next(pieces)
    assert meanwhile, "the next rows are read when they are wanted"
    rest = b"".join(pieces)
    seen = [json.loads(line)["id"] for line in (first + second + rest).splitlines()]
    assert seen == [run_id for run_id in stored[::-1] if run_id != stored[1]]


def test_the_examples_of_the_documentation_are_what_the_service_gives() -> None:
    row = EXAMPLE_ROW.model_copy(update={"figures": EXAMPLE_ROW.figures[:1]})
    assert as_text([[row]], TableFormat.CSV, ["latency_mean"]) == CSV
    assert json.loads(as_text([[EXAMPLE_ROW]], TableFormat.JSON_LINES)) == EXAMPLE


def test_the_page_links_to_the_table_of_its_filters_and_to_that_of_the_picked(
    client: TestClient, database: Database
) -> None:
    failed = submitted(database, workload="resnet18")
    finished(database, begun(database, failed), RunState.FAILED)
    page = client.get(f"/runs?workload=resnet18&sort=workload&limit=5&pick={failed}")
    hrefs = [part.split('"')[0].replace("&amp;", "&") for part in page.text.split('href="/v1/runs/table')[1:]]
    assert hrefs[0] == "?workload=resnet18&sort=workload&format=csv"
    assert hrefs[3] == f"?id={failed}&format=csv"
    assert faults(page.text) == []
    for href in hrefs:
        assert client.get(f"/v1/runs/table{href}").status_code == 200
