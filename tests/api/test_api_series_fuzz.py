"""Arbitrary questions about series: whatever is asked, the service answers, and never by failing."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from migperf.settings import load_settings
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import GRACT, LOST, gap, measured, watched
from tests.databases import BACKENDS, migrated_database

SLOW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = st.one_of(st.integers(-5, 30), st.floats(), st.sampled_from(["1e300", "-0", "9e9", "nan", "", "٣"])).map(str)
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "start_s": NUMBERS,
        "end_s": NUMBERS,
        "limit": NUMBERS,
        "points": NUMBERS,
        "method": st.sampled_from(["min_max", "lttb", "min_max_lttb", "mean"]),
        "format": st.sampled_from(["json", "csv", "arrow", "parquet", "json-lines", "xls"]),
        "name": st.sampled_from(["gract", "latency", "power", "none"]),
    },
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.text("text/csv,;q=0.1*+application/json ", max_size=40),
        "Last-Event-ID": st.text("eNpjAwM-_=0123xyz", max_size=60),
    },
)
PATHS = st.sampled_from(["series/gract", "series/latency", "series/power", "series", "samples", "series/events"])


@pytest.fixture(scope="module", params=BACKENDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, str]]:
    """A client of one application for all examples, and a run that has ended with series of every sort."""
    folder = tmp_path_factory.mktemp("fuzz")
    with migrated_database(request.param, folder) as url:
        database = Database(url)
        run_id = measured(database)
        watched(database, run_id, GRACT, {0.1: 1.0, 0.2: -1e308, 0.9: 1e308}, gap(0.2, 0.9, LOST), gap(0.9, None, LOST))
        with TestClient(create_app(load_settings(data_dir=folder, database_url=url))) as opened:
            yield opened, run_id
        database.close()


@SLOW
@given(PATHS, NEAR, HEADERS)
def test_no_question_about_series_makes_the_service_fail(
    service: tuple[TestClient, str], path: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    client, run_id = service
    answer = client.get(f"/v1/runs/{run_id}/{path}", params=query, headers=headers)
    assert answer.status_code in (200, 404, 422)
    if answer.status_code != 200:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_values_at_the_edge_of_what_a_number_can_be_are_drawn(service: tuple[TestClient, str]) -> None:
    client, run_id = service
    page = client.get(f"/runs/{run_id}")
    assert page.status_code == 200
    assert "nan" not in page.text.partition('data-series="gract"')[2].partition("</svg>")[0]
