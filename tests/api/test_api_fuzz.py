"""Arbitrary requests: whatever is sent, the service answers, and never by failing."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.dependencies import passes_of
from migperf.settings import load_settings
from migperf.store.database import Database
from tests.api.serving import CountingPasses, TestClient
from tests.databases import BACKENDS, migrated_database
from tests.history_builder import HOUR, NOON, judge, measured, noisy

pytestmark = pytest.mark.no_cover
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FAST = settings(SLOW, max_examples=40)


@pytest.fixture(scope="module", params=BACKENDS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of one application for all examples."""
    folder = tmp_path_factory.mktemp("fuzz")
    with migrated_database(request.param, folder) as url:
        database = Database(url)
        app = create_app(load_settings(data_dir=folder, database_url=url))
        app.dependency_overrides[passes_of] = CountingPasses
        with TestClient(app, raise_server_exceptions=True) as opened:
            yield opened
        database.close()


NUMBERS = st.integers() | st.floats() | st.sampled_from([1e308, -1e308, 10**300, 2**63, 2**31, -0.0, 1e-320])
TEXTS = st.text() | st.sampled_from(["test-step", "train", "kind=cpu", "\0", "\ud800", "🜚", "a" * 300])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)
NEAR_REQUESTS = st.fixed_dictionaries(
    {"workload": st.sampled_from(["test-step", "resnet18", "vit-stem-stability"]) | ANY_JSON},
    optional={
        "scenario": st.sampled_from(["train", "offline", "single_stream"]) | ANY_JSON,
        "parameters": st.dictionaries(
            st.sampled_from(["batch_size", "image_size", "learning_rate", "optimizer", "data_pool", "settings"])
            | TEXTS,
            ANY_JSON,
        )
        | ANY_JSON,
        "method": st.dictionaries(st.sampled_from(["min_s", "max_s", "min_steps", "sample_hz"]), ANY_JSON) | ANY_JSON,
        "where": st.dictionaries(st.sampled_from(["kind", "profile", "gpu_model"]), ANY_JSON) | ANY_JSON,
        "seed": ANY_JSON,
        "priority": ANY_JSON,
        "timeout_s": ANY_JSON,
        "retry_limit": ANY_JSON,
        "labels": st.dictionaries(TEXTS, TEXTS) | ANY_JSON,
    },
)


@SLOW
@example({"workload": "test-step", "scenario": "train", "labels": {"a": "\0"}})
@example({"workload": "resnet18", "scenario": "train", "parameters": {"learning_rate": float("inf")}})
@example({"workload": "test-step", "scenario": "train", "where": {"gpu_model": "\ud800"}})
@given(NEAR_REQUESTS | ANY_JSON)
def test_no_json_body_makes_the_service_fail(client: TestClient, body: object) -> None:
    answer = client.post("/v1/runs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code in (202, 400, 422)
    if answer.status_code != 202:
        assert answer.json()["status"] == answer.status_code
    read = client.post("/v1/benchmark", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert read.status_code == (200 if answer.status_code == 202 else answer.status_code)


NAMES = st.sampled_from(["a", "b", "c"]) | ANY_JSON
POSITIVE = st.floats(0.001, 1000) | st.integers(1, 100) | ANY_JSON
JOBS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES},
        optional={
            "benchmark": st.fixed_dictionaries({"workload": st.sampled_from(["resnet18", "null"]) | ANY_JSON})
            | ANY_JSON,
            "rate_per_s": POSITIVE,
            "throughput_per_s": POSITIVE,
            "weight": POSITIVE,
            "latency": st.fixed_dictionaries({"limit_ms": POSITIVE}) | ANY_JSON,
        },
    ),
    max_size=3,
)
NEAR_DEMANDS = st.fixed_dictionaries(
    {"migperf": st.just(1) | ANY_JSON, "time_limit_s": st.just(0.2)},
    optional={
        "gpus": st.just([{"model": "a30-24gb", "count": 2}]) | ANY_JSON,
        "goal": st.sampled_from(["fewest_gpus", "most_throughput"]) | ANY_JSON,
        "services": JOBS | ANY_JSON,
        "training": JOBS | ANY_JSON,
        "measured": st.lists(
            st.fixed_dictionaries(
                {"of": NAMES, "profile": st.sampled_from(["1g.6gb", "whole"]) | ANY_JSON, "source": TEXTS},
                optional={"throughput_per_s": POSITIVE, "does_not_fit": st.booleans(), "model": TEXTS},
            ),
            max_size=4,
        )
        | ANY_JSON,
        "interference": st.lists(
            st.fixed_dictionaries({"of": NAMES, "beside": NAMES, "slowdown": POSITIVE}), max_size=2
        )
        | ANY_JSON,
        "reserve": st.floats(0, 1) | ANY_JSON,
    },
)


@SLOW
@given(NEAR_DEMANDS | ANY_JSON)
def test_no_demand_makes_the_service_fail(client: TestClient, body: object) -> None:
    answer = client.post("/v1/advice", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 422)


NEAR_SCHEDULES = st.fixed_dictionaries(
    {"migperf": st.just(1) | ANY_JSON, "name": st.just("fuzz") | ANY_JSON},
    optional={
        "cron": st.lists(st.text("0123456789*/,-L#MONJAN ", max_size=6), min_size=4, max_size=6).map(" ".join) | TEXTS,
        "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "Europe", "..", "posixrules"]) | TEXTS,
        "benchmark": st.just({"workload": "test-step", "scenario": "train"}) | NEAR_REQUESTS | ANY_JSON,
        "experiment": ANY_JSON,
        "jitter_s": NUMBERS,
        "overlap": st.sampled_from(["skip", "queue"]) | ANY_JSON,
        "missed": st.sampled_from(["skip", "once"]) | ANY_JSON,
        "grace_s": NUMBERS,
        "paused": ANY_JSON,
    },
)


@SLOW
@given(NEAR_SCHEDULES | ANY_JSON)
def test_no_schedule_makes_the_service_fail_and_a_preview_says_which_would_be_stored(
    client: TestClient, body: object
) -> None:
    content, headers = json.dumps(body), {"Content-Type": "application/json"}
    preview = client.post("/v1/schedules/preview", content=content, headers=headers)
    answer = client.post("/v1/schedules", content=content, headers=headers)
    assert answer.status_code in (201, 400, 409, 422)
    if preview.status_code == 200:
        assert (preview.json()["problems"] == []) == (answer.status_code in (201, 409))
    else:
        assert preview.status_code == answer.status_code


NEAR_WATCHES = st.fixed_dictionaries(
    {},
    optional={
        "metrics": st.dictionaries(
            st.sampled_from(["throughput", "images"]) | TEXTS,
            st.fixed_dictionaries({}, optional={"minimum_effect": NUMBERS, "better": st.just("lower") | ANY_JSON}),
        )
        | ANY_JSON,
        "minimum_effect": NUMBERS,
        "tainted": st.just("judge") | ANY_JSON,
        "confirm_runs": NUMBERS,
        "channels": st.lists(TEXTS) | ANY_JSON,
    },
)
NEAR_TRIAGES = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["open", "resolved"]) | ANY_JSON,
        "comment": TEXTS | ANY_JSON,
        "author": TEXTS | ANY_JSON,
    },
)


@pytest.fixture(scope="module")
def regression(client: TestClient) -> Iterator[str]:
    """The path of a regression, whose history is that of a benchmark that got worse."""
    database = client.app.state.database
    measured(database, noisy(20))
    judge(database)
    (history,) = client.get("/v1/histories").json()["items"]
    client.put(f"{history['url']}/watch", json={"confirm_runs": 0})
    measured(database, noisy(4, 120.0, seed=2), NOON + 20 * HOUR)
    judge(database)
    (found,) = client.get("/v1/regressions").json()["items"]
    yield found["url"]
    client.delete(history["url"])


@FAST
@given(NEAR_WATCHES | ANY_JSON, NEAR_TRIAGES | ANY_JSON, st.fixed_dictionaries({"left_out": ANY_JSON}) | ANY_JSON)
def test_no_watch_triage_or_reason_makes_the_service_fail(
    client: TestClient, regression: str, watch: object, triage: object, reason: object
) -> None:
    json_type, found = {"Content-Type": "application/json"}, client.get(regression).json()
    point = f"{found['history']}/points/{found['first_bad']['id']}"
    for method, path, body in (
        ("PUT", f"{found['history']}/watch", watch),
        ("PATCH", regression, triage),
        ("PATCH", point, reason),
    ):
        answer = client.request(method, path, content=json.dumps(body), headers=json_type)
        assert answer.status_code in (200, 400, 422)
        assert client.get(found["history"]).status_code == 200


HISTORY_QUERIES = [
    "workload",
    "verdict",
    "watched",
    "q",
    "limit",
    "cursor",
    "environment",
    "format",
    "state",
    "history",
]


@FAST
@given(st.lists(st.tuples(st.sampled_from(HISTORY_QUERIES) | st.text(), st.text().filter(str.isprintable)), max_size=3))
def test_no_query_for_histories_makes_the_service_fail(
    client: TestClient, regression: str, query: list[tuple[str, str]]
) -> None:
    history = client.get(regression).json()["history"]
    for path in ("/v1/histories", "/v1/regressions", f"{history}/points", f"{history}/events"):
        assert client.get(path, params=query).status_code in (200, 400, 422)


@SLOW
@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/plain", "application/json; charset=x"]))
def test_no_bytes_make_the_service_fail(client: TestClient, body: bytes, media_type: str) -> None:
    answer = client.post("/v1/runs", content=body, headers={"Content-Type": media_type})
    assert 400 <= answer.status_code < 500


QUERY_NAMES = [
    "state",
    "workload",
    "scenario",
    "kind",
    "label",
    "created_after",
    "sort",
    "limit",
    "cursor",
    "partition",
    "experiment",
]


@SLOW
@given(st.lists(st.tuples(st.sampled_from(QUERY_NAMES) | st.text(), st.text().filter(str.isprintable)), max_size=4))
def test_no_query_makes_the_service_fail(client: TestClient, query: list[tuple[str, str]]) -> None:
    unknown = {404} if "experiment" in dict(query) else set()
    assert client.get("/v1/runs", params=query).status_code in {200, 400, 422} | unknown
