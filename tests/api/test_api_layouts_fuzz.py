"""Arbitrary layouts, bodies and questions about a GPU: the service answers, and never by failing."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.dependencies import passes_of
from migperf.gpus.layout import Layout
from migperf.settings import load_settings
from migperf.store.database import Database
from tests.api.gpu_host import GpuHost
from tests.api.serving import CountingPasses, TestClient
from tests.api.steps import row_counts
from tests.api.test_api_fuzz import ANY_JSON, TEXTS
from tests.databases import BACKENDS, migrated_database

pytestmark = pytest.mark.no_cover
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=BACKENDS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpuHost]:
    """A node with a GPU that is cut, and a run on one of its partitions."""
    folder = tmp_path_factory.mktemp("fuzz")
    with migrated_database(request.param, folder) as url:
        database = Database(url)
        registered = GpuHost.registered(database, folder, "h100-80gb")
        registered.cut("3g.40gb@4+1g.10gb@0")
        registered.run_on(registered.partition("1g.10gb"))
        yield registered
        database.close()


@pytest.fixture(scope="module")
def client(host: GpuHost) -> Iterator[TestClient]:
    """A client of one application for all examples."""
    url = host.database.engine.url.render_as_string(hide_password=False)
    app = create_app(load_settings(data_dir=host.lock_file.parent, database_url=url))
    app.dependency_overrides[passes_of] = CountingPasses
    with TestClient(app, raise_server_exceptions=True) as opened:
        yield opened


PROFILES = st.sampled_from(["1g.10gb", "1g.10gb+me", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb", "1g.5gb"])
INSTANCES = st.tuples(
    st.sampled_from(["", "", "2x", "3x", "7x", "99x"]),
    PROFILES,
    st.sampled_from(["", "", "@0", "@4", "@6", "@99"]),
    st.sampled_from(["", "", "()", "(1c)", "(2x1c)", "(1c+2c)", "(9c)", "(0c)"]),
).map("".join)
NEAR_LAYOUTS = (
    st.lists(INSTANCES, min_size=1, max_size=7).map("+".join)
    | st.sampled_from(
        ["off", "empty", " off ", "current", "0g.1gb", "1g.٣gb", "+", "1g.10gb+", "1g." + "9" * 500 + "gb"]
    )
    | TEXTS
)
NEAR_BODIES = st.fixed_dictionaries(
    {"layout": NEAR_LAYOUTS | ANY_JSON},
    optional={name: st.booleans() | ANY_JSON for name in ("force", "wait", "keep")} | {"other": ANY_JSON},
)


@SLOW
@example({"layout": "7x1g.10gb+7x1g.10gb+me", "force": True}, False)
@example({"layout": "3g.40gb@4+1g.10gb@0"}, False)
@given(NEAR_BODIES | ANY_JSON, st.booleans())
def test_no_body_makes_the_service_fail_and_what_is_refused_stores_nothing(
    client: TestClient, host: GpuHost, body: object, dry: bool
) -> None:
    before = row_counts(host.database)
    answer = client.put(
        f"/v1/gpus/{host.gpu().uuid}/layout",
        params={"dry_run": dry},
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in ((200, 400, 422) if dry else (200, 202, 400, 409, 422))
    if answer.status_code != 202:
        assert row_counts(host.database) == before
    if answer.status_code == 202:
        assert answer.json()["layout"] == str(Layout.parse(body["layout"]))  # type: ignore[index]


QUERY_NAMES = st.sampled_from(["full", "contains", "beside", "dry_run"])
QUERY_VALUES = NEAR_LAYOUTS | PROFILES | st.sampled_from(["true", "false", "current"])


@SLOW
@given(st.lists(st.tuples(QUERY_NAMES | st.text(), QUERY_VALUES.filter(str.isprintable)), max_size=4))
def test_no_question_makes_the_service_fail(client: TestClient, host: GpuHost, query: list[tuple[str, str]]) -> None:
    answer = client.get(f"/v1/gpus/{host.gpu().uuid}/layouts", params=query)
    assert answer.status_code in (200, 400, 422)
