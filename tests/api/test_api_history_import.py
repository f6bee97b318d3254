"""Importing results over REST: what is kept and answered, and what is refused without keeping any of it."""

from typing import Any

import pytest
from sqlalchemy import select

from api.schemas.history_import import ImportView
from api.schemas.history_import_examples import FILE, IMPORTED, TABLE
from migperf.settings import Settings
from migperf.store.database import Database
from migperf.store.history_tables import HistoryRow, PointRow
from tests.api.serving import TestClient
from tests.api.steps import both_databases
from tests.histories.imported_files import histories, pytest_benchmark, table

CSV = {"Content-Type": "text/csv; charset=utf-8"}


def kept(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert ImportView.model_validate(document).model_dump(mode="json") == document
    return list(document["items"])


def points(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(PointRow.id)).all())


@both_databases
def test_a_file_is_kept_once_and_every_history_is_told(client: TestClient, database: Database) -> None:
    (first,) = kept(client.post("/v1/histories/import", json=FILE))
    assert first == IMPORTED | {"id": first["id"]}
    (again,) = kept(client.post("/v1/histories/import", json=FILE, params={"watch": "true"}))
    assert again == first | {"new_points": 0, "known_points": 2, "watched": True}
    assert points(database) == 2


def test_a_table_is_taken_as_the_file_that_it_is(client: TestClient) -> None:
    (one,) = kept(client.post("/v1/histories/import", content=f"\ufeff{TABLE}".encode(), headers=CSV))
    assert (one["title"], one["new_points"]) == ("checkout", 2)


def test_what_was_left_out_is_told_and_a_benchmark_can_be_chosen(client: TestClient) -> None:
    document = pytest_benchmark(min=0, mean=0, median=0)
    first, second = kept(client.post("/v1/histories/import", json=document))
    assert (first["id"], first["new_points"], len(first["left_out"])) == (None, 0, 3)
    assert first["left_out"][0]["place"] == "benchmarks.0.stats.median"
    assert (second["new_points"], second["left_out"]) == (1, [])
    chosen = {"benchmark": "tests/test_speed.py::test_sort[1000]"}
    assert len(kept(client.post("/v1/histories/import", json=document, params=chosen))) == 1
    answer = client.post("/v1/histories/import", json=document, params={"benchmark": "test_srt"})
    assert answer.status_code == 404
    assert "test_sort[1000]" in answer.json()["detail"]


def test_points_go_into_a_history_that_there_is(client: TestClient, database: Database) -> None:
    (first,) = kept(client.post("/v1/histories/import", json=histories([1.0, 1.1])))
    into = {"into": first["id"]}
    text = table("2026-02-02T12:00:00Z,before,latency,1,ms,lower").encode()
    (past,) = kept(client.post("/v1/histories/import", content=text, params=into, headers=CSV))
    assert (past["id"], past["new_points"]) == (first["id"], 1)
    text = table("2026-02-02T12:00:00Z,before,latency,1,s,lower").encode()
    answer = client.post("/v1/histories/import", content=text, params=into, headers=CSV)
    assert answer.status_code == 409
    assert "latency (s)" in answer.json()["detail"]
    assert "latency (ms)" in answer.json()["detail"]
    unknown = client.post("/v1/histories/import", content=text, params={"into": "unheard"}, headers=CSV)
    assert unknown.status_code == 404
    assert points(database) == 3


def test_a_file_that_is_wrong_is_refused_with_places_and_nothing_is_kept(
    client: TestClient, database: Database
) -> None:
    rows = ("2026-03-02T12:00:00Z,b,m,1,s,lower", "2026-03-02T13:00:00Z,b,m,-1,s,lower", "now,b,m,1,s,lower")
    answer = client.post("/v1/histories/import", content=table(*rows).encode(), headers=CSV)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["line 3, column value", "line 4, column time"]
    assert points(database) == 0
    with database.read() as session:
        assert session.scalars(select(HistoryRow)).all() == []


@pytest.mark.parametrize(
    ("content", "headers", "status", "told"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "results as JSON or CSV"),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "compressed"),
        (b"\xff", CSV, 422, "byte 0 is not UTF-8"),
        (b"", CSV, 422, "not JSON"),
        (b"{", {"Content-Type": "application/json"}, 422, "line 1, column 2"),
    ],
)
def test_a_body_that_is_no_file_of_results_is_refused(
    client: TestClient, content: bytes, headers: dict[str, str], status: int, told: str
) -> None:
    answer = client.post("/v1/histories/import", content=content, headers=headers)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_a_format_that_is_not_known_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/histories/import", json=FILE, params={"format": "asv"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "format"


def test_a_file_is_no_larger_than_other_bodies(client: TestClient, settings: Settings) -> None:
    answer = client.post("/v1/histories/import", content=b"a" * (settings.max_body_bytes + 1), headers=CSV)
    assert answer.status_code == 413
